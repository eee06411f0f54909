import { invalidParameter } from "@berth/base";

/** What a program needs to run: OCI image-spec image-index.md, with Go's names. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  osVersion?: string;
}

const OSES = new Set([
  ..."aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris windows".split(
    " ",
  ),
]);

const PART = /^[A-Za-z0-9_.-]{1,64}$/;

/** Names of one machine that programs use, and the pair that OCI uses. */
const ALIASES: Readonly<Record<string, readonly [architecture: string, variant: string]>> = {
  i386: ["386", ""],
  x86_64: ["amd64", ""],
  "x86-64": ["amd64", ""],
  aarch64: ["arm64", ""],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};

/** Docker's and containerd's normal form: one name for each machine, no variant that says nothing. */
export function normalisePlatform(platform: Platform): Platform {
  const lower = { os: platform.os.toLowerCase(), architecture: platform.architecture.toLowerCase() };
  const os = lower.os === "macos" ? "darwin" : lower.os;
  const alias = ALIASES[lower.architecture];
  const architecture = alias?.[0] ?? lower.architecture;
  let variant = alias?.[1] || (platform.variant ?? "").toLowerCase();
  if (architecture === "arm64" && (variant === "8" || variant === "v8")) variant = "";
  if (architecture === "amd64" && variant === "v1") variant = "";
  if (architecture === "arm") {
    if (variant === "") variant = "v7";
    else if (/^\d$/.test(variant)) variant = `v${variant}`;
  }
  return {
    os,
    architecture,
    ...(variant !== "" && { variant }),
    ...(platform.osVersion !== undefined && platform.osVersion !== "" && { osVersion: platform.osVersion }),
  };
}

/**
 * Reads `linux`, `arm64`, `linux/arm64`, `linux/arm/v6`; what is missing is taken from `host`. Normalised.
 * @throws invalid-parameter.
 */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const fail = (why: string) =>
    invalidParameter(`${JSON.stringify(text.slice(0, 200))}: ${why}: invalid argument`);
  const parts = text.split("/");
  for (const part of parts) {
    if (!PART.test(part)) {
      throw fail(
        `${JSON.stringify(part.slice(0, 80))} is an invalid component of ${JSON.stringify(text.slice(0, 200))}: platform specifier component must match "^[A-Za-z0-9_.-]+$"`,
      );
    }
  }
  const [first, second, third] = parts as [string, string?, string?];
  if (parts.length === 1) {
    const os = normalisePlatform({ os: first, architecture: "amd64" }).os;
    if (OSES.has(os)) return normalisePlatform({ ...host, os });
    const guess = normalisePlatform({ os: host.os, architecture: first });
    if (ARCHITECTURES.has(guess.architecture)) return guess;
    throw fail("unknown operating system or architecture");
  }
  if (parts.length > 3) throw fail("cannot parse platform specifier");
  return normalisePlatform({
    os: first,
    architecture: second!,
    ...(third !== undefined && { variant: third }),
  });
}

const ARCHITECTURES = new Set([
  ..."386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm".split(
    " ",
  ),
]);

/** `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part).join("/");
}

/** The platform of this process. */
export function hostPlatform(): Platform {
  const architectures: Readonly<Record<string, string>> = {
    x64: "amd64",
    ia32: "386",
    mipsel: "mipsle",
    ppc64: "ppc64le",
  };
  return normalisePlatform({
    os: process.platform === "win32" ? "windows" : process.platform,
    architecture: architectures[process.arch] ?? process.arch,
  });
}

/** Variants that run on one machine, best first: an ARMv7 runs v6 and v5 code. */
function variantRank(wanted: Platform, offered: Platform): number {
  if ((wanted.variant ?? "") === (offered.variant ?? "")) return 0;
  const number = (variant: string | undefined, fallback: number) => {
    const digits = /^v(\d)$/.exec(variant ?? "");
    return digits === null ? fallback : Number(digits[1]);
  };
  const base = wanted.architecture === "arm" ? 7 : wanted.architecture === "arm64" ? 8 : 1;
  const want = number(wanted.variant, base);
  const offer = number(offered.variant, base);
  const bounded = ["arm", "arm64", "amd64"].includes(wanted.architecture);
  return bounded && offer < want ? want - offer : -1;
}

/**
 * How well `offered` serves who asks for `wanted`: 0 is exact, larger is worse, -1 is not at all.
 * Docker runs an image of an older variant of the same architecture.
 */
export function platformRank(wanted: Platform, offered: Platform): number {
  const want = normalisePlatform(wanted);
  const offer = normalisePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return -1;
  return variantRank(want, offer);
}

/** The best of `candidates` for `wanted`, the first among equals; undefined when none serves. */
export function bestPlatform<T>(
  wanted: Platform,
  candidates: readonly T[],
  platformOf: (candidate: T) => Platform | undefined,
): T | undefined {
  let best: T | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const platform = platformOf(candidate);
    if (platform === undefined) continue;
    const rank = platformRank(wanted, platform);
    if (rank >= 0 && rank < bestRank) {
      best = candidate;
      bestRank = rank;
    }
  }
  return best;
}
