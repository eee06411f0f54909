export * from "./json-file/writer.ts";
