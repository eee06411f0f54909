import { CLIENT_API_VERSION } from "@berth/client";

/** Who we are, as `version` and `info` tell it. */
export function clientVersion() {
  return {
    Version: process.env.BERTH_VERSION ?? "0.1.0",
    DefaultAPIVersion: CLIENT_API_VERSION,
    GitCommit: process.env.BERTH_COMMIT ?? "unknown",
    GoVersion: `bun${Bun.version}`,
    Os: process.platform,
    Arch: process.arch === "x64" ? "amd64" : process.arch,
    BuildTime: process.env.BERTH_BUILD_TIME ?? "",
  };
}

/** RFC 3339 as Go's ANSIC, which `version` prints: `Fri May 30 12:07:14 2025`. Other texts stay. */
export function buildTime(text: string): string {
  const date = new Date(text);
  if (text === "" || Number.isNaN(date.getTime())) return text;
  const [day, month, , year] = [
    date.toUTCString().slice(0, 3),
    date.toUTCString().slice(8, 11),
    "",
    date.getUTCFullYear(),
  ];
  return `${day} ${month} ${String(date.getUTCDate()).padStart(2)} ${date.toISOString().slice(11, 19)} ${year}`;
}
