import { existsSync } from "node:fs";
import type { EngineSettings, RuntimeChoice } from "@berth/engine";
import { OciRuntimes } from "@berth/runtime";
import type { DaemonConfig } from "../config/options.ts";

/** Init programs for `--init`, statically linked ones first: they run in any image. */
const INIT_PROGRAMS = ["/usr/bin/docker-init", "/usr/bin/tini-static", "/usr/bin/catatonit", "/usr/bin/tini"];

/** Docker's, when neither the client nor the container says. */
const STOP_TIMEOUT_SECONDS = 10;

/** What the daemon's settings say about containers. */
export function engineSettings(config: DaemonConfig, runtimes: RuntimeChoice): EngineSettings {
  return {
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    runtimes,
    shmSize: config.defaultShmSize,
    log: { Type: config.logDriver, Config: { ...config.logOptions } },
    ipcMode: config.defaultIpcMode === "shareable" ? "shareable" : "private",
    cgroupnsMode: config.defaultCgroupnsMode as EngineSettings["cgroupnsMode"],
    cgroupParent: config.cgroupParent,
    init: config.init,
    initPath: config.initPath || (INIT_PROGRAMS.find((path) => existsSync(path)) ?? ""),
    ulimits: Object.values(config.defaultUlimits),
    noNewPrivileges: config.noNewPrivileges,
    stopTimeout: STOP_TIMEOUT_SECONDS,
  };
}

/** @throws invalid-parameter when a program is missing or the default is unknown. */
export function ociRuntimes(config: DaemonConfig): OciRuntimes {
  return new OciRuntimes(config.runtimes, config.defaultRuntime === "" ? undefined : config.defaultRuntime);
}
