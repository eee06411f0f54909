export type { EntryType, Extent, TarEntry, TarTime } from "./entry.ts";
export { TarReader, type TarSink } from "./reader.ts";
export {
  contentSize,
  END_OF_ARCHIVE,
  encodeHeader,
  padding,
  type WritableEntry,
  type WriteOptions,
} from "./writer.ts";
