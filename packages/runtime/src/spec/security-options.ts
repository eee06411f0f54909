import { invalidParameter } from "@berth/base";

/** HostConfig.SecurityOpt, taken apart. */
export interface SecurityOptions {
  /** Undefined: not said. */
  noNewPrivileges: boolean | undefined;
  /** `unconfined`, `builtin`, or a profile's JSON text; empty: the default. */
  seccomp: string;
  /** Empty: the default. */
  apparmor: string;
  labels: string[];
  unconfinedPaths: boolean;
  writableCgroups: boolean;
}

/** Go's strconv.ParseBool. */
const BOOLEANS = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false] as const),
]);

/** @throws invalid-parameter with Docker's sentences */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const parsed: SecurityOptions = {
    noNewPrivileges: undefined,
    seccomp: "",
    apparmor: "",
    labels: [],
    unconfinedPaths: false,
    writableCgroups: false,
  };
  for (const option of options) {
    if (option === "no-new-privileges") {
      parsed.noNewPrivileges = true;
      continue;
    }
    if (option === "disable") {
      parsed.labels.push("disable");
      continue;
    }
    // A colon separates too, from before Docker 1.11, when there is no equals sign.
    const at = option.includes("=") ? option.indexOf("=") : option.indexOf(":");
    if (at < 0) throw invalidParameter(`invalid --security-opt 1: ${quote(option)}`);
    apply(parsed, option, option.slice(0, at), option.slice(at + 1));
  }
  return parsed;
}

function apply(parsed: SecurityOptions, option: string, key: string, value: string): void {
  const wrong = () => invalidParameter(`invalid --security-opt 2: ${quote(option)}`);
  const truth = () => {
    const known = BOOLEANS.get(value);
    if (known === undefined) throw wrong();
    return known;
  };
  switch (key) {
    case "label":
      parsed.labels.push(value);
      return;
    case "apparmor":
      parsed.apparmor = value;
      return;
    case "seccomp":
      parsed.seccomp = value;
      return;
    case "no-new-privileges":
      parsed.noNewPrivileges = truth();
      return;
    case "writable-cgroups":
      parsed.writableCgroups = truth();
      return;
    case "systempaths":
      // The CLI turns this into empty lists of paths; other clients may send it as it is.
      if (value !== "unconfined") throw wrong();
      parsed.unconfinedPaths = true;
      return;
    default:
      throw wrong();
  }
}

/** Options may hold whole profiles. */
function quote(option: string): string {
  return JSON.stringify(option.length > 200 ? `${option.slice(0, 200)}…` : option);
}
