import { parseBool } from "../parse/directives.ts";
import { DockerfileError } from "../parse/error.ts";
import { withSuggestion } from "../parse/suggest.ts";
import { readCsv } from "./csv.ts";
import { parseSize } from "./size.ts";

const TYPES = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const SHARING = ["shared", "private", "locked"] as const;
const KEYS =
  "type from source target readonly id sharing required mode uid gid src dst ro rw readwrite env size".split(
    " ",
  );

/** `--mount` of one RUN, checked, paths as written. */
export interface MountFlag {
  type: (typeof TYPES)[number];
  from: string;
  source: string;
  target: string;
  readOnly: boolean;
  id: string;
  sharing?: (typeof SHARING)[number];
  required: boolean;
  /** tmpfs: bytes. */
  size?: number;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Secrets: variable. */
  env?: string;
}

/**
 * Reads `type=cache,target=/x`. Without `expand` only `from` is looked at, which has to be known before any variable is;
 * everything else is read when the variables are.
 * @throws DockerfileError.
 */
export function readMount(text: string, expand?: (word: string) => string): MountFlag {
  const mount: MountFlag = {
    type: "bind",
    from: "",
    source: "",
    target: "",
    readOnly: true,
    id: "",
    required: false,
  };
  const seen = { readOnly: false };
  const fields = readCsv(text, "mount").map((field) => splitField(field));
  // The type decides what the other keys mean, wherever it stands.
  fields.sort((a, b) => Number(b.key === "type") - Number(a.key === "type"));
  for (const { key, value, field } of fields) {
    if (expand === undefined) {
      if (key === "from" && value !== undefined) {
        if (/\$./.test(value)) {
          throw new DockerfileError("'from' doesn't support variable expansion, define alias stage instead");
        }
        mount.from = value;
      } else if (key === "type" && value !== undefined && !value.includes("$")) mount.type = mountType(value);
      continue;
    }
    apply(mount, key, value === undefined ? undefined : expand(value), field, seen);
  }
  if (expand !== undefined) finish(mount, seen.readOnly);
  return mount;
}

function splitField(field: string): { key: string; value: string | undefined; field: string } {
  const equals = field.indexOf("=");
  return equals < 0
    ? { key: field.toLowerCase(), value: undefined, field }
    : { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1), field };
}

function mountType(value: string): MountFlag["type"] {
  const found = TYPES.find((each) => each === value.toLowerCase());
  if (found !== undefined) return found;
  throw new DockerfileError(
    withSuggestion(`unsupported mount type ${JSON.stringify(value)}`, value, TYPES, true),
  );
}

function apply(
  mount: MountFlag,
  key: string,
  value: string | undefined,
  field: string,
  seen: { readOnly: boolean },
): void {
  const unexpected = () => new DockerfileError(`unexpected key '${key}' for mount type '${mount.type}'`);
  const bool = () => {
    const parsed = value === undefined ? true : parseBool(value);
    if (parsed === undefined) throw new DockerfileError(`invalid value for ${key}: ${value}`);
    return parsed;
  };
  switch (key) {
    case "readonly":
    case "ro":
      mount.readOnly = bool();
      seen.readOnly = true;
      return;
    case "readwrite":
    case "rw":
      mount.readOnly = !bool();
      seen.readOnly = true;
      return;
    case "required":
      if (mount.type !== "secret" && mount.type !== "ssh") throw unexpected();
      mount.required = bool();
      return;
  }
  if (value === undefined) {
    if (!KEYS.includes(key)) {
      throw new DockerfileError(withSuggestion(`unexpected key '${key}' in '${field}'`, key, KEYS, true));
    }
    throw new DockerfileError(`invalid field '${field}' must be a key=value pair`);
  }
  switch (key) {
    case "type":
      mount.type = mountType(value);
      return;
    case "from":
      mount.from = value;
      return;
    case "source":
    case "src":
      mount.source = value;
      return;
    case "target":
    case "dst":
    case "destination":
      mount.target = value;
      return;
    case "size":
      if (mount.type !== "tmpfs") throw unexpected();
      mount.size = parseSize(value, key);
      return;
    case "id":
      mount.id = value;
      return;
    case "env":
      if (mount.type !== "secret") throw unexpected();
      mount.env = value;
      return;
    case "sharing": {
      const found = SHARING.find((each) => each === value.toLowerCase());
      if (found === undefined) {
        throw new DockerfileError(
          withSuggestion(`unsupported sharing value ${JSON.stringify(value)}`, value, SHARING, true),
        );
      }
      mount.sharing = found;
      return;
    }
    case "mode":
      mount.mode = number(key, value, 8, 0o7777);
      return;
    case "uid":
    case "gid":
      mount[key] = number(key, value, 10, 0xffffffff);
      return;
    default:
      throw new DockerfileError(withSuggestion(`unexpected key '${key}' in '${field}'`, key, KEYS, true));
  }
}

function number(key: string, value: string, radix: 8 | 10, max: number): number {
  const digits = radix === 8 ? /^[0-7]{1,11}$/ : /^[0-9]{1,10}$/;
  const parsed = digits.test(value) ? Number.parseInt(value, radix) : Number.NaN;
  if (!(parsed <= max)) throw new DockerfileError(`invalid value ${value} for ${key}`);
  return parsed;
}

function finish(mount: MountFlag, readOnlyGiven: boolean): void {
  const owned = mount.type === "secret" || mount.type === "ssh" || mount.type === "cache";
  for (const key of ["mode", "uid", "gid"] as const) {
    if (!owned && mount[key] !== undefined) {
      throw new DockerfileError(`${key} not allowed for ${JSON.stringify(mount.type)} type mounts`);
    }
  }
  if (!readOnlyGiven) mount.readOnly = mount.type !== "cache" && mount.type !== "tmpfs";
  if (mount.type === "secret") {
    if (mount.from !== "") throw new DockerfileError("secret mount should not have a from");
    if (mount.sharing !== undefined) throw new DockerfileError("secret mount should not define sharing");
    if (mount.source === "" && mount.target === "" && mount.id === "") {
      throw new DockerfileError("invalid secret mount. one of source, target required");
    }
    if (mount.source !== "" && mount.id !== "") throw new DockerfileError("both source and id can't be set");
  }
  if (mount.sharing !== undefined && mount.type !== "cache") {
    throw new DockerfileError(`invalid cache sharing set for ${mount.type} mount`);
  }
}
