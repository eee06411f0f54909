import type { control, Infer } from "@berth/api/buildkit";
import { runnableArchitectures } from "@berth/linux";
import { hostPlatform } from "@berth/spec";
import type { BuildService } from "../service.ts";

/** Names of what clients ask before they use it (frontend/gateway/pb/caps.go, solver/pb/caps.go). */
const FRONTEND = [
  "solve.base",
  "solve.inlinereturn",
  "resolveimage",
  "resolveimage.resolvemode",
  "readfile",
  "return",
  "returnmap",
  "readdir",
  "statfile",
  "importcaches",
  "proto.refarray",
  "frontend.inputs",
  "reference.output",
  "gateway.solve.metadata",
  "gateway.evaluate.solve",
  "gateway.evaluate",
  "gateway.warnings",
];

const LLB = [
  "source.image",
  "source.image.resolvemode",
  "source.local",
  "source.local.unique",
  "source.local.sessionid",
  "source.local.includepatterns",
  "source.local.followpaths",
  "source.local.excludepatterns",
  "source.local.sharedkeyhint",
  "source.local.differ",
  "source.git",
  "source.git.keepgitdir",
  "source.git.fullurl",
  "source.git.httpauth",
  "source.git.knownsshhosts",
  "source.git.mountsshsock",
  "source.git.subdir",
  "source.http",
  "source.http.checksum",
  "source.http.perm",
  "source.http.uidgid",
  "source.ocilayout",
  "source.buildop.llbfilename",
  "exec.meta.base",
  "exec.meta.cgroup.parent",
  "exec.meta.network",
  "exec.meta.proxyenv",
  "exec.meta.security",
  "exec.meta.setsdefaultpath",
  "exec.meta.ulimit",
  "exec.mount.bind",
  "exec.mount.cache",
  "exec.mount.cache.sharing",
  "exec.mount.secret",
  "exec.mount.selector",
  "exec.mount.ssh",
  "exec.mount.tmpfs",
  "exec.mount.tmpfs.size",
  "exec.cgroup",
  "exec.secretenv",
  "file.base",
  "file.rm.wildcard",
  "file.rm.nofollowsymlink",
  "file.copy.includeexcludepatterns",
  "constraints",
  "platform",
  "meta.ignorecache",
  "meta.description",
  "meta.exportcache",
  "exporter.image.attestations",
  "exporter.image.annotations",
  "exporter.multiple",
  "remote.cache.gha",
  "mergeop",
  "diffop",
  "source.policy",
];

const enabled = (ID: string) => ({ ID, Enabled: true });

export function frontendCapabilities() {
  return FRONTEND.map(enabled);
}

export function llbCapabilities() {
  return LLB.map(enabled);
}

/** BuildKit's version whose protocol is spoken. */
export const VERSION = { package: "github.com/moby/buildkit", version: "v0.13.2", revision: "" };

export function workerRecord({ workerId }: BuildService): Infer<typeof control.WorkerRecord> {
  const { os, architecture, variant = "" } = hostPlatform();
  return {
    ID: workerId,
    Labels: {
      "org.mobyproject.buildkit.worker.executor": "oci",
      "org.mobyproject.buildkit.worker.moby.host-gateway-ip": "",
      "org.mobyproject.buildkit.worker.snapshotter": "overlayfs",
    },
    platforms: runnableArchitectures(architecture).map((each) => ({
      OS: os,
      Architecture: each,
      Variant: each === architecture ? variant : each === "arm" ? "v7" : "",
      OSVersion: "",
      OSFeatures: [],
    })),
    GCPolicy: [],
    BuildkitVersion: VERSION,
  };
}
