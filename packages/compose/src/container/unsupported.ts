import { invalidParameter, notImplemented } from "@berth/base";
import { versionLessThan } from "@berth/client";
import type { NamedService } from "../target.ts";

/**
 * Refuses what no container of this host can have, before anything of the project is made.
 * @throws not-implemented, invalid-parameter
 */
export function refuseUnsupported(service: NamedService): void {
  const refuse = (what: string) => {
    throw notImplemented(`service ${JSON.stringify(service.name)}: ${what}`);
  };
  if (service.credential_spec !== undefined) {
    refuse("credential_spec is not supported: only Windows has such credentials");
  }
  if (service.provider !== undefined) {
    refuse(`provider ${JSON.stringify(service.provider.type ?? "")} is not supported`);
  }
  const [model] = Object.keys(service.models ?? {});
  if (model !== undefined) {
    refuse(`model ${JSON.stringify(model)} is not supported: this engine runs no models`);
  }
  if (wantsGpu(service)) refuse(`could not select device driver "" with capabilities: [[gpu]]`);
  for (const { type } of service.volumes ?? []) {
    if (type === "npipe" || type === "cluster") {
      throw invalidParameter(
        `service ${JSON.stringify(service.name)}: volume type ${JSON.stringify(type)} is not supported on this host`,
      );
    }
  }
}

/** No device driver of this host answers for GPUs. */
function wantsGpu(service: NamedService): boolean {
  const asked = service.deploy?.resources?.reservations?.devices ?? [];
  return service.gpus !== undefined || asked.some((device) => device.capabilities?.includes("gpu"));
}

/** Attributes that an older daemon would leave out without a word. @throws not-implemented */
export function refuseOlderDaemon(service: NamedService, version: string): void {
  const since = (api: string, engine: string, what: string, isSet: boolean) => {
    if (!isSet || !versionLessThan(version, api)) return;
    throw notImplemented(`services.${service.name}.${what} requires Docker Engine ${engine} or later`);
  };
  since("1.43", "24.0", "annotations", Object.keys(service.annotations ?? {}).length > 0);
  since("1.44", "25.0", "healthcheck.start_interval", service.healthcheck?.start_interval !== undefined);
  for (const [name, network] of Object.entries(service.networks ?? {})) {
    const at = `networks.${name}`;
    since("1.44", "25.0", `${at}.mac_address`, Boolean(network?.mac_address));
    since("1.48", "28.0", `${at}.gw_priority`, Boolean(network?.gw_priority));
    since("1.49", "28.1", `${at}.interface_name`, Boolean(network?.interface_name));
  }
  for (const [at, mount] of (service.volumes ?? []).entries()) {
    since("1.44", "25.0", `volumes.[${at}].bind.recursive`, mount.bind?.recursive !== undefined);
    since("1.45", "26.0", `volumes.[${at}].volume.subpath`, Boolean(mount.volume?.subpath));
    since("1.48", "28.0", `volumes.[${at}] of type image`, mount.type === "image");
  }
}
