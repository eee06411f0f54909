/**
 * Node's modules at the moment of use: loading `node:fs` takes 1.5 ms, which a command that opens no file need not spend.
 */
export const lazyNode = {
  get fs(): typeof import("node:fs") {
    return process.getBuiltinModule("node:fs");
  },
  get path(): typeof import("node:path") {
    return process.getBuiltinModule("node:path");
  },
};
