const MINUTE = 60;
const HOUR = 3600;

/** How long, in Docker's words: `Less than a second`, `About a minute`, `3 weeks`. */
export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < MINUTE) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(seconds / HOUR + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / HOUR / 24 / 365)} years`;
}

/** `3 weeks ago`, of seconds since 1970. */
export function ago(created: number): string {
  return `${humanDuration(Date.now() / 1000 - created)} ago`;
}

/** Go's time.Time.String in the local zone: `2026-11-22 19:57:19 +0000 UTC`. `fraction`: digits below seconds. */
export function goTime(seconds: number, fraction = ""): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const local = new Date(seconds * 1000 + offset * 60_000).toISOString();
  const part = fraction.replace(/0+$/, "");
  const size = Math.abs(offset);
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)}${part === "" ? "" : `.${part}`} ${zone} ${zoneName(date, zone)}`;
}

/** RFC 3339 with nine digits in the local zone, as events and log lines show times. */
export function rfc3339Local(seconds: number, nanoseconds: string): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const local = new Date(seconds * 1000 + offset * 60_000).toISOString().slice(0, 19);
  const size = Math.abs(offset);
  const zone =
    offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${local}.${nanoseconds.padStart(9, "0")}${zone}`;
}

/** RFC 3339 in whole seconds in the local zone. */
export function rfc3339Seconds(seconds: number): string {
  return rfc3339Local(seconds, "0").replace(".000000000", "");
}

/** Go's time.Time.String of RFC 3339 text in UTC: `2026-11-22 19:32:49.551940453 +0000 UTC`. */
export function goTimeOfRfc3339(text: string): string {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (found === null) return text;
  const fraction = (found[3] ?? "").replace(/0+$/, "");
  const zone = found[4] === "Z" ? "+0000 UTC" : `${found[4]!.replace(":", "")} ${found[4]!.replace(":", "")}`;
  return `${found[1]} ${found[2]}${fraction === "" ? "" : `.${fraction}`} ${zone}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** A zone's letters; those without any are named by their offset. */
function zoneName(date: Date, offset: string): string {
  for (const locale of ["en-US", "en-GB"]) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: "short" }).formatToParts(date);
    const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
    if (name !== "" && !/[+-]\d/.test(name)) return name;
  }
  return offset.endsWith("00") ? offset.slice(0, 3) : offset;
}
