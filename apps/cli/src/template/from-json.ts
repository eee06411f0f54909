import { NIL_MAP, NIL_SLICE, Struct, TypedMap } from "./values.ts";

/** Go's map type for a field's objects; their keys are not names of fields. */
const MAP_FIELDS = new Set([
  "Annotations",
  "Attributes",
  "AuxiliaryAddresses",
  "Config.LogConfig",
  "Containers",
  "Data",
  "Details",
  "DriverOpts",
  "EndpointsConfig",
  "ExposedPorts",
  "IndexConfigs",
  "Labels",
  "Networks",
  "Options",
  "PortBindings",
  "Ports",
  "Runtimes",
  "Services",
  "Status.Volume",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);

/** Slices: null prints as `[]`. */
const SLICE_FIELDS = new Set(
  (
    "Aliases Args Binds BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps " +
    "BlkioWeightDevice CapAdd CapDrop Cmd DNSNames DeviceCgroupRules DeviceIDs DeviceRequests Devices Dns DnsOptions " +
    "DnsSearch Entrypoint Env ExecIDs ExtraHosts GroupAdd Links MaskedPaths Mounts OnBuild ReadonlyPaths RepoDigests " +
    "RepoTags SecondaryIPAddresses SecondaryIPv6Addresses SecurityOpt Shell Ulimits VolumesFrom Warnings Capabilities"
  ).split(" "),
);

/**
 * Fields that Go's encoder leaves out when they are empty, by the name of the struct they stand in, with the value
 * that a template sees then.
 */
const LEFT_OUT: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  State: { Health: null },
  Config: {
    ExposedPorts: new Map(),
    Healthcheck: null,
    ArgsEscaped: false,
    NetworkDisabled: false,
    MacAddress: "",
    StopSignal: "",
    StopTimeout: null,
    Shell: [],
  },
  HostConfig: {
    Annotations: new Map(),
    Init: null,
    Mounts: [],
    Runtime: "",
    StorageOpt: new Map(),
    Sysctls: new Map(),
    Tmpfs: new Map(),
  },
  "": { SizeRw: null, SizeRootFs: null, Variant: "", OsVersion: "", Status: new Map(), UsageData: null },
};

/** Maps of structs and of slices; the others hold strings. */
const STRUCT_MAPS = new Set([
  "Containers",
  "EndpointsConfig",
  "IndexConfigs",
  "Networks",
  "Runtimes",
  "Services",
]);
const SLICE_MAPS = new Set(["PortBindings", "Ports"]);

/** Fields whose Go name is not the one in JSON. */
const GO_NAMES: Readonly<Record<string, string>> = {
  ID: "Id",
  NanoCPUs: "NanoCpus",
  DNS: "Dns",
  DNSOptions: "DnsOptions",
  DNSSearch: "DnsSearch",
  HostIP: "HostIp",
};

/** JSON as Go's `map[string]interface{}`: every object is a map, whatever its fields are. */
export function mapsFromJson(text: string): unknown {
  return convert(parseExact(text), (object) => new Map(Object.entries(object)));
}

/** JSON as the Engine API's Go structs: objects are structs of type `type`, but for the fields known to be maps. */
export function structsFromJson(text: string, type: string): unknown {
  return structs(parseExact(text), type, "", "");
}

function structs(value: unknown, type: string, field: string, parent: string): unknown {
  if (Array.isArray(value)) return value.map((each) => structs(each, type, "[]", field));
  if (value === null) {
    if (SLICE_FIELDS.has(field)) return NIL_SLICE;
    return isMapField(field, parent, type) ? NIL_MAP : null;
  }
  if (typeof value !== "object") return value;
  const inside = Object.entries(value).map(
    ([name, each]) => [name, structs(each, `${type}.${name}`, name, field)] as const,
  );
  if (isMapField(field, parent, type)) {
    const map = new TypedMap(inside);
    map.zero = STRUCT_MAPS.has(field) ? null : SLICE_MAPS.has(field) ? NIL_SLICE : "";
    return map;
  }
  const fields = Object.fromEntries(inside);
  const hidden: Record<string, unknown> = {};
  for (const [name, empty] of Object.entries(LEFT_OUT[field] ?? {}))
    if (!(name in fields)) hidden[name] = empty;
  return new Struct(type, fields, hidden, GO_NAMES);
}

function isMapField(field: string, parent: string, type: string): boolean {
  if (field === "Status") return type.includes("olume");
  return MAP_FIELDS.has(field) || MAP_FIELDS.has(`${field}.${parent}`);
}

function convert(value: unknown, object: (value: object) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => convert(each, object));
  if (value === null || typeof value !== "object") return value;
  return object(
    Object.fromEntries(Object.entries(value).map(([name, each]) => [name, convert(each, object)])),
  );
}

/** JSON.parse that keeps whole numbers beyond 2^53 (as bigint). */
function parseExact(text: string): unknown {
  if (!/[0-9]{16}/.test(text)) return JSON.parse(text);
  const reviver = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context!.source!)
      : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}
