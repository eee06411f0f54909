export { explainFailure } from "./oci/failure.ts";
export { OciRuntimes } from "./oci/select.ts";
export * from "./runtime.ts";
export { removeShimFolder } from "./shim/folder.ts";
export { cgroupOf, readLaunch, runtimeFolder } from "./shim/launch.ts";
export {
  type BundleFile,
  EXIT_FILE,
  type LaunchFile,
  LONGEST_EXEC_ROOT,
  SHIM_FILES,
} from "./shim/launch-file.ts";
export * from "./shim/protocol.ts";
export { ShimRuntime, type ShimRuntimeOptions } from "./shim/shim-runtime.ts";
export * from "./spec/index.ts";
