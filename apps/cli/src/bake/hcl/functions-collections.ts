import {
  equal,
  HclError,
  isList,
  listOf,
  mapOf,
  numberOf,
  objectOf,
  type Plain,
  textOf,
  type Value,
} from "./value.ts";

const has = (list: readonly Value[], value: Value) => list.some((each) => equal(each, value));

function distinct(list: readonly Value[]): Value[] {
  const found: Value[] = [];
  for (const value of list) if (!has(found, value)) found.push(value);
  return found;
}

/** Sets have no order of their own: they are shown sorted. */
function set(list: readonly Value[]): Value[] {
  return distinct(list).sort((a, b) => (String(a) < String(b) ? -1 : 1));
}

/** So long may a made list be. */
const LENGTH = 100_000;

function bounded(length: number): number {
  if (!(length >= 0 && length <= LENGTH)) throw new HclError("the list is too long");
  return length;
}

function product(lists: Value[][]): Value[] {
  bounded(lists.reduce((count, list) => count * list.length, 1));
  return lists.reduce<Value[][]>(
    (made, list) => made.flatMap((before) => list.map((value) => [...before, value])),
    [[]],
  );
}

function flatten(list: Value[]): Value[] {
  return list.flatMap((value) => (isList(value) ? flatten(value) : [value]));
}

function range(values: number[]): Value[] {
  const [from, to, step] =
    values.length === 1
      ? [0, values[0] as number, 1]
      : [
          values[0] as number,
          values[1] as number,
          values[2] ?? ((values[0] as number) <= (values[1] as number) ? 1 : -1),
        ];
  if (step === 0) throw new HclError("step must not be zero");
  return Array.from(
    { length: bounded(Math.max(0, Math.ceil((to - from) / step))) },
    (_, at) => from + at * step,
  );
}

/** Functions of lists and objects. */
export const COLLECTIONS: Record<string, Plain> = {
  chunklist: (list, size) => {
    const count = Math.max(1, numberOf(size));
    const all = listOf(list);
    return Array.from({ length: Math.ceil(all.length / count) }, (_, at) =>
      all.slice(at * count, (at + 1) * count),
    );
  },
  coalesce: (...values) => {
    const found = values.find((value) => value !== null);
    if (found === undefined) throw new HclError("no non-null arguments");
    return found;
  },
  coalescelist: (...lists) => {
    const found = lists.find((list) => isList(list) && list.length > 0);
    if (found === undefined) throw new HclError("no non-null arguments");
    return found;
  },
  compact: (list) => listOf(list).filter((value) => value !== "" && value !== null),
  concat: (...lists) => lists.flatMap(listOf),
  contains: (list, value) => has(listOf(list), value as Value),
  csvdecode: (value) => {
    const [head = [], ...rows] = textOf(value)
      .split(/\r?\n/)
      .filter((line) => line !== "")
      .map((line) =>
        [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
          .map(([, cell = ""]) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
          .slice(0, line.endsWith(",") ? undefined : -1),
      );
    return rows.map((row) => objectOf(head.map((name, at) => [name, row[at] ?? ""] as const)));
  },
  distinct: (list) => distinct(listOf(list)),
  element: (list, index) => {
    const all = listOf(list);
    if (all.length === 0) throw new HclError("cannot use element function with an empty list");
    return all[((numberOf(index) % all.length) + all.length) % all.length] as Value;
  },
  flatten: (list) => flatten(listOf(list)),
  hasindex: (value, key) =>
    isList(value as Value) ? listOf(value)[numberOf(key)] !== undefined : textOf(key) in mapOf(value),
  index: (value, key) => {
    const found = isList(value as Value) ? listOf(value)[numberOf(key)] : mapOf(value)[textOf(key)];
    if (found === undefined) throw new HclError("invalid index");
    return found;
  },
  indexof: (list, value) => {
    const at = listOf(list).findIndex((each) => equal(each, value as Value));
    if (at < 0) throw new HclError("item not found");
    return at;
  },
  keys: (map) => Object.keys(mapOf(map)).sort(),
  length: (value) => (isList(value as Value) ? listOf(value).length : Object.keys(mapOf(value)).length),
  lookup: (map, key, ...fallback) => {
    const found = mapOf(map)[textOf(key)] ?? fallback[0];
    if (found === undefined) throw new HclError(`the given object has no attribute ${JSON.stringify(key)}`);
    return found;
  },
  merge: (...maps) =>
    objectOf(maps.filter((map) => map !== null).flatMap((map) => Object.entries(mapOf(map)))),
  range: (...values) => range(values.map(numberOf)),
  reverselist: (list) => [...listOf(list)].reverse(),
  sethaselement: (list, value) => has(listOf(list), value as Value),
  setintersection: (first, ...others) =>
    set(listOf(first).filter((value) => others.every((list) => has(listOf(list), value)))),
  setproduct: (...lists) => product(lists.map(listOf)),
  setsubtract: (a, b) => set(listOf(a).filter((value) => !has(listOf(b), value))),
  setsymmetricdifference: (a, b) =>
    set([
      ...listOf(a).filter((value) => !has(listOf(b), value)),
      ...listOf(b).filter((value) => !has(listOf(a), value)),
    ]),
  setunion: (...lists) => set(lists.flatMap(listOf)),
  slice: (list, from, ...to) =>
    listOf(list).slice(numberOf(from), to[0] === undefined ? undefined : numberOf(to[0])),
  sort: (list) => listOf(list).map(textOf).sort(),
  values: (map) => {
    const from = mapOf(map);
    return Object.keys(from)
      .sort()
      .map((name) => from[name] as Value);
  },
  zipmap: (names, values) => {
    const all = listOf(values);
    return objectOf(listOf(names).map((name, at) => [textOf(name), all[at] ?? null] as const));
  },
};
