import { invalidParameter } from "@berth/base";
import { bytes, type Kind, text, truth } from "./kinds.ts";
import { asObject, onlyInFile, refuseUnknown } from "./special-kinds.ts";

/** One rule of what is removed from the build cache after a build; sizes in bytes, 0 for no limit. */
export interface CollectionRule {
  all: boolean;
  keepStorage: number;
  maxUsedSpace: number;
  minFreeSpace: number;
  filters: Readonly<Record<string, readonly string[]>>;
}

/** Docker's `builder.gc.defaultKeepStorage`. */
const KEEP_STORAGE = 20 * 1024 ** 3;

/** All sizes may be kept below this; nothing else is asked. */
function keepUpTo(size: number): readonly CollectionRule[] {
  return [{ all: true, keepStorage: size, maxUsedSpace: 0, minFreeSpace: 0, filters: {} }];
}

export const DEFAULT_COLLECTION: readonly CollectionRule[] = keepUpTo(KEEP_STORAGE);

/** `"builder": {"gc": {"enabled", "defaultKeepStorage", "policy": [{"all", "keepStorage", "filter"}]}}` of daemon.json. */
export const buildCollection: Kind<readonly CollectionRule[]> = {
  word: "",
  parse: onlyInFile,
  fromJson(value) {
    const { gc = {}, ...rest } = asObject(value, "builder");
    refuseUnknown("builder", rest);
    const { enabled, defaultKeepStorage, defaultReservedSpace, defaultMaxUsedSpace, policy, ...unknown } =
      asObject(gc, "builder.gc");
    refuseUnknown("builder.gc", unknown);
    if (enabled !== undefined && !truth.fromJson(enabled, "builder.gc.enabled")) return [];
    if (policy !== undefined) {
      if (!Array.isArray(policy)) throw invalidParameter("builder.gc.policy must be a list");
      return policy.map((each, index) => readRule(each, `builder.gc.policy[${index}]`));
    }
    const size = defaultMaxUsedSpace ?? defaultReservedSpace ?? defaultKeepStorage;
    return size === undefined ? DEFAULT_COLLECTION : keepUpTo(bytes.fromJson(size, "builder.gc"));
  },
  show: (value) => `[${value.length} rules]`,
};

function readRule(value: unknown, key: string): CollectionRule {
  const {
    all = false,
    keepStorage,
    reservedSpace,
    maxUsedSpace,
    minFreeSpace,
    filter,
    ...rest
  } = asObject(value, key);
  refuseUnknown(key, rest);
  const size = (given: unknown) => (given === undefined ? 0 : bytes.fromJson(given, key));
  return {
    all: truth.fromJson(all, `${key}.all`),
    keepStorage: size(reservedSpace ?? keepStorage),
    maxUsedSpace: size(maxUsedSpace),
    minFreeSpace: size(minFreeSpace),
    filters: readFilters(filter, `${key}.filter`),
  };
}

/** `["unused-for=48h"]`, or Docker's older `{"unused-for": {"48h": true}}`. */
function readFilters(value: unknown, key: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  const add = (name: string, each: string) => {
    found[name] = [...(Object.hasOwn(found, name) ? (found[name] as string[]) : []), each];
  };
  if (value === undefined) return found;
  if (Array.isArray(value)) {
    for (const each of value) {
      const entry = text.fromJson(each, key);
      const at = entry.indexOf("=");
      if (at < 1) throw invalidParameter(`invalid filter ${JSON.stringify(entry)} in ${key}`);
      add(entry.slice(0, at), entry.slice(at + 1));
    }
    return found;
  }
  for (const [name, values] of Object.entries(asObject(value, key))) {
    for (const each of Object.keys(asObject(values, key))) add(name, each);
  }
  return found;
}
