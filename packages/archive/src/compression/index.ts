export { type Compression, DETECTION_BYTES, detectCompression } from "./detect.ts";
export { parallelGzip } from "./parallel-gzip.ts";
export { type Bytes, compress, decompress, detectStream } from "./stream.ts";
