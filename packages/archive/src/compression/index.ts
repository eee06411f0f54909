export type { Bytes } from "./bytes.ts";
export { type Compression, DETECTION_BYTES, detectCompression } from "./detect.ts";
export { compress, decompress, detectStream } from "./stream.ts";
