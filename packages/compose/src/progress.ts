/** What is told while a project is brought to its state. The command line draws it; tests collect it. */
export interface ProgressEvent {
  /** `Container shop-web-1`, `Network shop_default`, `Volume "shop_data"`, `web Pulling`. */
  id: string;
  /** `Starting`, `Started`. */
  text: string;
  status: "working" | "done" | "warning" | "error";
  /** A message beside it: why it failed. */
  detail?: string;
  /** Belongs to another line: a layer of an image. */
  parent?: string;
  /** Bytes. */
  current?: number;
  total?: number;
}

export interface Progress {
  event(event: ProgressEvent): void;
  /** A sentence for stderr that stays. */
  warn(message: string): void;
}

export const silent: Progress = { event: () => {}, warn: () => {} };
