import { API_VERSION, MINIMUM_API_VERSION } from "@berth/api";
import type { SystemSettings } from "@berth/engine";
import { BUILD_TIME, COMMIT, VERSION } from "../build-info.ts";
import type { DaemonConfig } from "../config/options.ts";
import { engineId } from "./engine-id.ts";

/** What info and version tell of the daemon; `config` is asked each time, because a reload changes it. */
export function systemSettings(config: () => DaemonConfig): SystemSettings {
  return {
    id: engineId(config().dataRoot),
    version: VERSION,
    commit: COMMIT,
    buildTime: BUILD_TIME,
    apiVersion: API_VERSION,
    minimumApiVersion: MINIMUM_API_VERSION,
    get labels() {
      return config().labels;
    },
    debug: () => config().debug,
    get liveRestore() {
      return config().liveRestore;
    },
    addressPools: config().defaultAddressPools.map(({ base, size }) => ({ Base: base, Size: size })),
    registry: {
      AllowNondistributableArtifactsCIDRs: null,
      AllowNondistributableArtifactsHostnames: null,
      InsecureRegistryCIDRs: ["127.0.0.0/8"],
      IndexConfigs: { "docker.io": { Name: "docker.io", Mirrors: [], Secure: true, Official: true } },
      Mirrors: [],
    },
    proxies: { http: "", https: "", no: "" },
  };
}
