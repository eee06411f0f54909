export { type Compression, DETECTION_BYTES, detectCompression } from "./detect.ts";
export { type Bytes, compress, decompress, detectStream } from "./stream.ts";
