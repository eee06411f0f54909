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
    get registry() {
      return registryConfig(config());
    },
    proxies: { http: "", https: "", no: "" },
  };
}

/** What info tells of registries. */
function registryConfig({ insecureRegistries, registryMirrors }: DaemonConfig): SystemSettings["registry"] {
  const networks = insecureRegistries.filter((each) => each.includes("/"));
  const hosts = insecureRegistries.filter((each) => !each.includes("/"));
  const mirrors = registryMirrors.map((each) => (each.endsWith("/") ? each : `${each}/`));
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: [...new Set([...networks, "127.0.0.0/8"])],
    IndexConfigs: {
      "docker.io": { Name: "docker.io", Mirrors: mirrors, Secure: true, Official: true },
      ...Object.fromEntries(
        hosts.map((Name) => [Name, { Name, Mirrors: [], Secure: false, Official: false }]),
      ),
    },
    Mirrors: mirrors,
  };
}
