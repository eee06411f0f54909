/**
 * Node's modules at the moment of use: `node:zlib` and `node:crypto` bring Node's streams with them, which is half of the CPU
 * time of a worker that compresses nothing.
 */
export const lazyNode = {
  get zlib(): typeof import("node:zlib") {
    return process.getBuiltinModule("node:zlib");
  },
  get crypto(): typeof import("node:crypto") {
    return process.getBuiltinModule("node:crypto");
  },
};
