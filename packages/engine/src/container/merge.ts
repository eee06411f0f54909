import type { ContainerConfig, HealthConfig } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { ImageRuntimeConfig } from "@berth/image";

/**
 * The configuration that a container gets: what the user asked, completed by the image.
 * Lists that the user gave stay first; CMD is the image's only where neither ENTRYPOINT nor CMD was given.
 * @throws invalid-parameter `No command specified`.
 */
export function mergeConfig(asked: ContainerConfig, image: ImageRuntimeConfig | undefined): ContainerConfig {
  const config: ContainerConfig = { ...asked };
  if (image !== undefined) {
    config.User = asked.User || (image.User ?? "");
    config.WorkingDir = asked.WorkingDir || (image.WorkingDir ?? "");
    const exposed = union(asked.ExposedPorts, normalPorts(image.ExposedPorts));
    if (exposed) config.ExposedPorts = exposed;
    else delete config.ExposedPorts;
    config.Volumes = union(asked.Volumes, image.Volumes) ?? null;
    config.Labels = { ...image.Labels, ...asked.Labels };
    config.Env = mergeEnv(asked.Env, image.Env);
    if (!asked.Entrypoint?.length) {
      if (!asked.Cmd?.length) {
        config.Cmd = image.Cmd ?? null;
        if (image.ArgsEscaped) config.ArgsEscaped = true;
      }
      if (asked.Entrypoint === null) config.Entrypoint = image.Entrypoint ?? null;
    }
    const health = mergeHealth(asked.Healthcheck, image.Healthcheck ?? undefined);
    if (health) config.Healthcheck = health;
    if (!asked.StopSignal && image.StopSignal) config.StopSignal = image.StopSignal;
    if (!asked.Shell?.length && image.Shell?.length) config.Shell = image.Shell;
    if (!asked.OnBuild?.length && image.OnBuild?.length) config.OnBuild = image.OnBuild;
  }
  // `--entrypoint ""` takes the image's entrypoint away.
  if (config.Entrypoint?.length === 1 && config.Entrypoint[0] === "") config.Entrypoint = null;
  if (!config.Entrypoint?.length && !config.Cmd?.length) throw invalidParameter("No command specified");
  return config;
}

/** The program and its arguments: ENTRYPOINT followed by CMD. */
export function commandOf(config: ContainerConfig): { path: string; args: string[] } {
  const [path = "", ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return { path, args };
}

function union(
  asked: Record<string, object> | null | undefined,
  image: Record<string, object> | null | undefined,
): Record<string, object> | null | undefined {
  const merged = { ...image, ...asked };
  // Nothing from either is the image's nothing, as inspect shows it.
  return Object.keys(merged).length > 0 ? merged : image;
}

/** `80` in an image means `80/tcp`. */
function normalPorts(ports: Record<string, object> | null | undefined): Record<string, object> | undefined {
  if (!ports) return undefined;
  return Object.fromEntries(
    Object.entries(ports).map(([port, value]) => [port.includes("/") ? port : `${port}/tcp`, value]),
  );
}

function mergeEnv(asked: string[] | null, image: string[] | null | undefined): string[] | null {
  if (!image?.length) return asked;
  const named = new Set((asked ?? []).map(envName));
  return [...(asked ?? []), ...image.filter((entry) => !named.has(envName(entry)))];
}

const envName = (entry: string) => entry.split("=", 1)[0]!;

function mergeHealth(
  asked: HealthConfig | undefined,
  image: HealthConfig | undefined,
): HealthConfig | undefined {
  if (!image || !asked) return asked ?? image;
  const merged: HealthConfig = { ...asked };
  if (!asked.Test?.length && image.Test) merged.Test = image.Test;
  for (const key of ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"] as const) {
    if (!asked[key] && image[key]) merged[key] = image[key];
  }
  return merged;
}
