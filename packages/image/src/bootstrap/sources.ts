import { readFileSync } from "node:fs";
import { invalidParameter } from "@berth/base";
import type { BootstrapTask } from "./bootstrap.ts";
import { runTool } from "./tools.ts";

/** One suite of a Debian archive: what a stanza of sources.list names. */
export interface DebianSource {
  uri: string;
  suite: string;
}

const DEFAULT_MIRROR = "http://deb.debian.org/debian";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Suites that have neither updates nor security of their own. */
const ROLLING = new Set(["sid", "unstable", "testing", "experimental"]);

/**
 * Where the packages of a suite come from: the mirror that the user names, the one that the host uses for the same archive,
 * or Debian's own name.
 */
export async function sourcesOf(task: BootstrapTask, suite: string): Promise<DebianSource[]> {
  const asked = task.options.mirror;
  if (asked !== undefined && !/^https?:\/\/[^\s'"[\]]+$/.test(asked)) {
    throw invalidParameter(`${JSON.stringify(asked.slice(0, 200))} is not the address of a mirror`);
  }
  const known = asked === undefined ? await hostMirrors(task) : [];
  const mirror = asked ?? known.find((uri) => !/-security\/?$/.test(uri)) ?? DEFAULT_MIRROR;
  const uri = mirror.replace(/\/+$/, "");
  const sources = [{ uri, suite }];
  if (ROLLING.has(suite)) return sources;
  const security = known.find((each) => /-security\/?$/.test(each)) ?? `${uri}-security`;
  sources.push({ uri, suite: `${suite}-updates` });
  sources.push({ uri: security.replace(/\/+$/, ""), suite: `${suite}-security` });
  return sources;
}

/** Addresses of Debian archives in the host's package sources; none on a host that is not Debian. */
async function hostMirrors(task: BootstrapTask): Promise<string[]> {
  if (!/^ID=["']?debian["']?$/m.test(osRelease())) return [];
  const format = ["--no-release-info", "--format", "$(REPO_URI) $(LABEL) $(CODENAME)"];
  const listed = await runTool(task, ["apt-get", "indextargets", ...format, "Created-By: Packages"]).catch(
    () => "",
  );
  const uris = listed.split("\n").map((line) => line.split(" ")[0]!);
  return [...new Set(uris)].filter((uri) => /^https?:\/\/[^\s'"]+\/debian(-security)?\/?$/.test(uri));
}

function osRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}

/** For mmdebstrap's command line. */
export function sourceLine({ uri, suite }: DebianSource): string {
  return `deb ${uri} ${suite} main`;
}

/** `/etc/apt/sources.list.d/debian.sources` of the image (sources.list(5), deb822 style). */
export function sourcesFile(sources: readonly DebianSource[]): string {
  const uris = [...new Set(sources.map((source) => source.uri))];
  return uris
    .map((uri) => {
      const suites = sources.filter((source) => source.uri === uri).map((source) => source.suite);
      return `Types: deb\nURIs: ${uri}\nSuites: ${suites.join(" ")}\nComponents: main\nSigned-By: ${KEYRING}\n`;
    })
    .join("\n");
}

export interface ReleaseFacts {
  /** Seconds since 1970 when the newest of the suites was made. */
  time: number;
  /** Debian's version number, such as `12.11`; empty for suites without one. */
  version: string;
}

const MAX_RELEASE = 2 << 20;

/** What the archive says about itself now; the state of the archive makes the image. */
export async function releaseFacts(
  task: BootstrapTask,
  sources: readonly DebianSource[],
): Promise<ReleaseFacts | undefined> {
  const facts: ReleaseFacts = { time: 0, version: "" };
  for (const { uri, suite } of sources) {
    const text = await release(`${uri}/dists/${suite}/InRelease`, task.signal);
    const time = Date.parse(/^Date: (.+)$/m.exec(text)?.[1] ?? "");
    if (Number.isNaN(time)) return undefined;
    facts.time = Math.max(facts.time, Math.floor(time / 1000));
    facts.version ||= /^Version: ([\w.]+)$/m.exec(text)?.[1] ?? "";
  }
  return facts;
}

async function release(url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]) });
    if (!response.ok || response.body === null) return "";
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body as ReadableStream<Uint8Array>) {
      size += part.length;
      if (size > MAX_RELEASE) return "";
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  } catch {
    // The tool that fetches the packages says what is wrong with the mirror.
    return "";
  }
}
