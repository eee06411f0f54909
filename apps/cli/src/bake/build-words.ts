import { join } from "node:path";
import { isRemote } from "../build/context-argument.ts";
import type { BakeTarget } from "./target.ts";

/** What a path says that is meant from the folder we are in, and not from the context. */
const HERE = "cwd://";

export interface TargetBuild {
  path: string;
  words: string[];
  /** The Dockerfile that the bake file holds itself. */
  stdin?: string;
}

/** A target as words of the command line of `build`. `images`: what the targets that it takes as contexts came to. */
export function buildWords(target: BakeTarget, images: ReadonlyMap<string, string>): TargetBuild {
  const words: string[] = [];
  const flag = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") words.push(`--${name}=${value}`);
  };
  const list = (name: string, values: readonly string[] | undefined) => {
    for (const value of values ?? []) flag(name, value);
  };
  const pairs = (name: string, values: Readonly<Record<string, string | null>> | undefined) => {
    for (const [key, value] of Object.entries(values ?? {}))
      flag(name, value === null ? key : `${key}=${value}`);
  };
  const path = target.context?.startsWith(HERE)
    ? target.context.slice(HERE.length) || "."
    : (target.context ?? ".");
  const { dockerfile = "Dockerfile" } = target;
  if (target["dockerfile-inline"] !== undefined) flag("file", "-");
  else if (dockerfile.startsWith(HERE)) flag("file", dockerfile.slice(HERE.length));
  else if (isRemote(path) || isRemote(dockerfile) || dockerfile.startsWith("/")) flag("file", dockerfile);
  else flag("file", join(path, dockerfile));
  list("annotation", target.annotations);
  list("attest", target.attest);
  list("tag", target.tags);
  list("cache-from", target["cache-from"]);
  list("cache-to", target["cache-to"]);
  list("secret", target.secret);
  list("ssh", target.ssh);
  list("output", target.output);
  list("no-cache-filter", target["no-cache-filter"]);
  list("ulimit", target.ulimits);
  list("allow", target.entitlements);
  flag("platform", (target.platforms ?? []).join(","));
  pairs("build-arg", target.args);
  pairs("label", target.labels);
  for (const [name, value] of Object.entries(target.contexts ?? {})) {
    const image = value.startsWith("target:") ? images.get(value.slice("target:".length)) : undefined;
    const source = value.startsWith(HERE) ? value.slice(HERE.length) || "." : value;
    flag("build-context", `${name}=${image === undefined ? source : `docker-image://${image}`}`);
  }
  for (const [host, addresses] of Object.entries(target["extra-hosts"] ?? {}))
    for (const address of addresses.split(",")) flag("add-host", `${host}:${address}`);
  flag("target", target.target);
  flag("network", target.network);
  flag("shm-size", target["shm-size"]);
  flag("call", target.call);
  if (target["no-cache"]) words.push("--no-cache");
  if (target.pull) words.push("--pull");
  const stdin = target["dockerfile-inline"];
  return { path, words, ...(stdin !== undefined && { stdin }) };
}
