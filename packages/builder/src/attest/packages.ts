import { runJob, startJob } from "@berth/archive";
import type { Digest } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import { viewOf } from "../exec/copy.ts";

/** A package that is installed in a root file system. */
export interface FoundPackage {
  name: string;
  version: string;
  license?: string;
  /** Package URL: https://github.com/package-url/purl-spec. */
  purl: string;
  /** The file that tells of it. */
  source: string;
}

const MAX_FILE = 32 * 1024 * 1024;
const MAX_FILES = 20_000;
const DPKG = "var/lib/dpkg/status";
const APK = "lib/apk/db/installed";
/** Where npm and pip keep what they install, some levels deep. */
const PATTERNS = [
  DPKG,
  "var/lib/dpkg/status.d/*",
  APK,
  "usr/lib/node_modules/*/package.json",
  "usr/local/lib/node_modules/*/package.json",
  "*/node_modules/*/package.json",
  "*/node_modules/@*/*/package.json",
  "*/*/node_modules/*/package.json",
  "*/*/node_modules/@*/*/package.json",
  "*/*/*/node_modules/*/package.json",
  "usr/lib/python3/dist-packages/*-info/METADATA",
  "usr/lib/python3/dist-packages/*-info/PKG-INFO",
  "usr/lib/python3*/site-packages/*-info/METADATA",
  "usr/local/lib/python3*/site-packages/*-info/METADATA",
  "usr/local/lib/python3*/dist-packages/*-info/METADATA",
  "*/lib/python3*/site-packages/*-info/METADATA",
  "*/*/lib/python3*/site-packages/*-info/METADATA",
  "etc/os-release",
  "usr/lib/os-release",
];

/** What dpkg, apk, npm and pip have installed. Files of a foreign image are read in a worker. */
export async function findPackages(
  snapshots: Snapshots,
  chain: readonly Digest[],
  signal: AbortSignal,
): Promise<FoundPackage[]> {
  const view = viewOf(snapshots, chain);
  const scan = startJob({ job: "scan", view, patterns: PATTERNS, digests: false }, { signal });
  const paths = new Set<string>();
  const text = await new Response(scan.stdout).text();
  await scan.result;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const { match } = JSON.parse(line) as { match?: { real: string } };
    if (match !== undefined && paths.size < MAX_FILES) paths.add(`/${match.real}`);
  }
  const sorted = [...paths].sort();
  if (sorted.length === 0) return [];
  const { contents } = await runJob({ job: "read-file", view, paths: sorted, limit: MAX_FILE }, { signal });
  const files = sorted.flatMap((path, index) => {
    const content = contents[index];
    return typeof content === "string" ? [{ path, text: Buffer.from(content, "base64").toString() }] : [];
  });
  const release = files.find(({ path }) => path.endsWith("/os-release"))?.text ?? "";
  const distribution = /^ID="?([^"\n]+)"?$/m.exec(release)?.[1] ?? "linux";
  const found = files.flatMap(({ path, text: content }) => packagesIn(path, content, distribution));
  const unique = new Map(found.map((each) => [each.purl, each]));
  return [...unique.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

function packagesIn(path: string, text: string, distribution: string): FoundPackage[] {
  if (path.endsWith(`/${DPKG}`) || path.includes("/dpkg/status.d/")) return dpkg(path, text, distribution);
  if (path.endsWith(`/${APK}`)) return apk(path, text, distribution);
  if (path.endsWith("/package.json")) return npm(path, text);
  if (path.endsWith("/METADATA") || path.endsWith("/PKG-INFO")) return pip(path, text);
  return [];
}

function dpkg(source: string, text: string, distribution: string): FoundPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1]?.trim();
    const [name, version, status] = [field("Package"), field("Version"), field("Status")];
    if (!name || !version || (status !== undefined && !status.endsWith(" installed"))) return [];
    const architecture = field("Architecture");
    const qualifiers = architecture ? `?arch=${encodeURIComponent(architecture)}` : "";
    const purl = `pkg:deb/${distribution}/${encodeURIComponent(name)}@${encodeURIComponent(version)}${qualifiers}`;
    return [{ name, version, purl, source }];
  });
}

function apk(source: string, text: string, distribution: string): FoundPackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, "m").exec(paragraph)?.[1]?.trim();
    const [name, version, license] = [field("P"), field("V"), field("L")];
    if (!name || !version) return [];
    const purl = `pkg:apk/${distribution}/${encodeURIComponent(name)}@${encodeURIComponent(version)}`;
    return [{ name, version, purl, source, ...(license && { license }) }];
  });
}

function npm(source: string, text: string): FoundPackage[] {
  try {
    const { name, version, license } = JSON.parse(text) as Record<string, unknown>;
    if (typeof name !== "string" || typeof version !== "string" || name === "" || version === "") return [];
    const purl = `pkg:npm/${name.split("/").map(encodeURIComponent).join("/")}@${encodeURIComponent(version)}`;
    return [{ name, version, purl, source, ...(typeof license === "string" && { license }) }];
  } catch {
    return [];
  }
}

function pip(source: string, text: string): FoundPackage[] {
  const head = text.split(/\n\r?\n/, 1)[0] ?? "";
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(head)?.[1]?.trim();
  const [name, version, license] = [field("Name"), field("Version"), field("License")];
  if (!name || !version) return [];
  const purl = `pkg:pypi/${encodeURIComponent(name.toLowerCase().replace(/_/g, "-"))}@${encodeURIComponent(version)}`;
  return [{ name, version, purl, source, ...(license && { license }) }];
}
