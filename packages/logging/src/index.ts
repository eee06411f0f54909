export * from "./json-file/encoder.ts";
export type { LogFormat } from "./json-file/formatter.ts";
export * from "./json-file/reader.ts";
export * from "./json-file/writer.ts";
