import { isIP } from "node:net";
import type { Ulimit } from "@berth/api";
import { invalidParameter } from "@berth/base";
import { type Kind, text, truth, whole } from "./kinds.ts";

export interface RuntimeProgram {
  path: string;
  arguments: string[];
}

type Runtimes = Readonly<Record<string, RuntimeProgram>>;

/** `--add-runtime name=path`, and `"runtimes": {"name": {"path": …, "runtimeArgs": […]}}`. */
export const runtimes: Kind<Runtimes> = {
  word: "runtime",
  parse(value, previous = {}) {
    const at = value.indexOf("=");
    if (at < 0) throw invalidParameter(`invalid runtime argument: ${value}`);
    const name = value.slice(0, at).trim().toLowerCase();
    const path = value.slice(at + 1).trim();
    if (name === "" || path === "") throw invalidParameter(`invalid runtime argument: ${value}`);
    refuseReserved(name);
    if (Object.hasOwn(previous, name)) throw invalidParameter(`runtime '${name}' was already defined`);
    return { ...previous, [name]: { path, arguments: [] } };
  },
  fromJson(value) {
    const result: Record<string, RuntimeProgram> = {};
    for (const [name, each] of Object.entries(asObject(value, "runtimes"))) {
      refuseReserved(name);
      const { path, runtimeArgs = [], ...rest } = asObject(each, `runtimes.${name}`);
      const [unknown] = Object.keys(rest);
      if (unknown !== undefined)
        throw invalidParameter(`runtimes.${name}: ${unknown} is not supported by berth yet`);
      if (!Array.isArray(runtimeArgs)) throw invalidParameter(`runtimes.${name}: runtimeArgs must be a list`);
      result[name] = {
        path: text.fromJson(path, `runtimes.${name}.path`),
        arguments: runtimeArgs.map((argument) => text.fromJson(argument, `runtimes.${name}.runtimeArgs`)),
      };
    }
    return result;
  },
  show: (value) => `[${Object.keys(value).join(" ")}]`,
};

function refuseReserved(name: string): void {
  if (name === "runc" || name === "crun") throw invalidParameter(`runtime name '${name}' is reserved`);
}

type Ulimits = Readonly<Record<string, Ulimit>>;

const ULIMITS = [
  ..."core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
];

/** `--default-ulimit name=soft[:hard]`. */
export const ulimits: Kind<Ulimits> = {
  word: "ulimit",
  parse(value, previous = {}) {
    const at = value.indexOf("=");
    if (at < 0) throw invalidParameter(`invalid ulimit argument: ${value}`);
    const name = value.slice(0, at);
    if (!ULIMITS.includes(name)) throw invalidParameter(`invalid ulimit type: ${name}`);
    const parts = value.slice(at + 1).split(":");
    if (parts.length > 2)
      throw invalidParameter(
        `too many limit value arguments - ${value.slice(at + 1)}, can only have up to two, \`soft[:hard]\``,
      );
    const soft = whole.parse(parts[0] as string, undefined);
    const hard = parts[1] === undefined ? soft : whole.parse(parts[1], undefined);
    return { ...previous, [name]: checked({ Name: name, Soft: soft, Hard: hard }) };
  },
  fromJson(value) {
    const result: Record<string, Ulimit> = {};
    for (const [name, each] of Object.entries(asObject(value, "default-ulimits"))) {
      if (!ULIMITS.includes(name)) throw invalidParameter(`invalid ulimit type: ${name}`);
      const { Soft, Hard } = asObject(each, `default-ulimits.${name}`);
      const key = `default-ulimits.${name}`;
      result[name] = checked({
        Name: name,
        Soft: whole.fromJson(Soft, key),
        Hard: whole.fromJson(Hard, key),
      });
    }
    return result;
  },
  show: (value) =>
    `[${Object.values(value)
      .map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`)
      .join(" ")}]`,
};

function checked(ulimit: Ulimit): Ulimit {
  if (ulimit.Hard !== -1 && (ulimit.Soft === -1 || ulimit.Soft > ulimit.Hard)) {
    throw invalidParameter(
      `ulimit soft limit must be less than or equal to hard limit: ${ulimit.Soft} > ${ulimit.Hard}`,
    );
  }
  return ulimit;
}

export interface AddressPool {
  base: string;
  /** Prefix length of the networks cut from it. */
  size: number;
}

/** `--default-address-pool base=10.10.0.0/16,size=24`. */
export const addressPools: Kind<readonly AddressPool[]> = {
  word: "pool-options",
  parse(value, previous = []) {
    let base = "";
    let size = 0;
    for (const part of value.split(",")) {
      const at = part.indexOf("=");
      if (at < 0) throw invalidParameter(`invalid field '${part}' must be a key=value pair`);
      const key = part.slice(0, at).toLowerCase();
      const setting = part.slice(at + 1);
      if (key === "base") base = setting;
      else if (key === "size") size = Number(setting);
      else throw invalidParameter(`unexpected key '${key}' in '${part}'`);
    }
    return [...previous, checkedPool(base, size)];
  },
  fromJson(value) {
    if (!Array.isArray(value)) throw invalidParameter("default-address-pools must be a list");
    return value.map((each) => {
      const { base, size } = asObject(each, "default-address-pools");
      return checkedPool(
        text.fromJson(base, "default-address-pools.base"),
        whole.fromJson(size, "default-address-pools.size"),
      );
    });
  },
  show: (value) => `[${value.map(({ base, size }) => `{${base} ${size}}`).join(" ")}]`,
};

function checkedPool(base: string, size: number): AddressPool {
  const [host = "", prefix = ""] = base.split("/");
  const family = isIP(host);
  const length = Number(prefix);
  const longest = family === 6 ? 128 : 32;
  if (family === 0 || !/^\d+$/.test(prefix) || length > longest) {
    throw invalidParameter(`invalid base pool ${JSON.stringify(base)}: invalid CIDR address: ${base}`);
  }
  if (!Number.isInteger(size) || size < length || size > longest) {
    throw invalidParameter(`invalid pools size: ${Number.isNaN(size) ? 0 : size}`);
  }
  return { base, size };
}

type NetworkOptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** `--default-network-opt driver=option=value`, and `"default-network-opts": {"driver": {"option": "value"}}`. */
export const networkOptions: Kind<NetworkOptions> = {
  word: "mapmap",
  parse(value, previous = {}) {
    const [driver = "", option = "", ...rest] = value.split("=");
    if (driver === "" || option === "" || rest.length === 0) {
      throw invalidParameter(`invalid value ${JSON.stringify(value)}: it must be driver=option=value`);
    }
    return { ...previous, [driver]: { ...previous[driver], [option]: rest.join("=") } };
  },
  fromJson(value) {
    const result: Record<string, Record<string, string>> = {};
    for (const [driver, options] of Object.entries(asObject(value, "default-network-opts"))) {
      const key = `default-network-opts.${driver}`;
      result[driver] = Object.fromEntries(
        Object.entries(asObject(options, key)).map(([option, each]) => [option, text.fromJson(each, key)]),
      );
    }
    return result;
  },
  show: (value) =>
    `[${Object.entries(value)
      .flatMap(([driver, options]) =>
        Object.entries(options).map(([key, each]) => `${driver}=${key}=${each}`),
      )
      .join(" ")}]`,
};

/** `"features": {"buildkit": true}`; only in the file. */
export const features: Kind<Readonly<Record<string, boolean>>> = {
  word: "",
  parse: onlyInFile,
  fromJson: (value) =>
    Object.fromEntries(
      Object.entries(asObject(value, "features")).map(([name, each]) => [
        name,
        truth.fromJson(each, `features.${name}`),
      ]),
    ),
  show: (value) => JSON.stringify(value),
};

export function onlyInFile(): never {
  throw invalidParameter("this setting is a key of daemon.json");
}

export function refuseUnknown(key: string, rest: object): void {
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalidParameter(`${key}: ${unknown} is not supported by berth yet`);
}

export function asObject(value: unknown, key: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidParameter(`${key} must be an object`);
  }
  return value as Record<string, unknown>;
}
