/** Body of every error answer. */
export interface ErrorResponse {
  message: string;
}

/** Answer of POST /commit, exec create, and the like. */
export interface IdResponse {
  Id: string;
}

/** One step of load, import, pull and build: a line of JSON in the answer's body. */
export interface ProgressMessage {
  stream?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number; start?: number; units?: string };
  progress?: string;
  id?: string;
  errorDetail?: { code?: number; message: string };
  error?: string;
  aux?: unknown;
}

/** Go's `[height, width]`. */
export type ConsoleSize = [height: number, width: number];
