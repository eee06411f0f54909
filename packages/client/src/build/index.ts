export {
  BuildFailure,
  type BuildOptions,
  build,
  type FolderIdentity,
  nativePlace,
  UnseenFolders,
} from "./build.ts";
export type { Receiver } from "./receive-files.ts";
export type { Agent, Offers, Secret } from "./session.ts";
export type { SshKey } from "./ssh-keys.ts";
