import { expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeQuery } from "../testing/dns.ts";
import { parseQuery, type Query, TYPE } from "./message.ts";
import { resolve } from "./resolve.ts";
import { formatZone, indexZone, parseZone, ZoneFile } from "./zone.ts";

const zone = indexZone({
  network: "MyNet",
  hosts: [
    { names: ["web", "www", "0123456789ab"], addresses: ["172.18.0.2", "fd00::2"] },
    { names: ["db", "www"], addresses: ["172.18.0.3"] },
  ],
});
const other = indexZone({ network: "other", hosts: [{ names: ["web", "api"], addresses: ["172.19.0.9"] }] });
const own = indexZone({
  network: "",
  hosts: [],
  links: { Alias: "web", loop: "loop2", loop2: "loop", gone: "nobody" },
});

function ask(name: string, type: number, random = 0, keepSingleLabels = false) {
  const query = parseQuery(makeQuery(name, type)) as Query;
  const result = resolve(query, [own, zone, other], { keepSingleLabels }, () => random);
  return result === "forward" ? result : result.answers.map((answer) => [...answer.data].join("."));
}

test("names, aliases and names with the network are found, whatever their case", () => {
  expect(ask("web", TYPE.A)).toEqual(["172.18.0.2"]);
  expect(ask("WEB", TYPE.A)).toEqual(["172.18.0.2"]);
  expect(ask("web.mynet", TYPE.A)).toEqual(["172.18.0.2"]);
  expect(ask("web.other", TYPE.A)).toEqual(["172.19.0.9"]);
  expect(ask("api", TYPE.A)).toEqual(["172.19.0.9"]);
  expect(ask("0123456789ab", TYPE.A)).toEqual(["172.18.0.2"]);
  expect(ask("alias", TYPE.A)).toEqual(["172.18.0.2"]);
  expect(ask("web", TYPE.AAAA)).toEqual(["253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2"]);
});

test("several addresses take turns", () => {
  expect(ask("www", TYPE.A, 0)).toEqual(["172.18.0.2", "172.18.0.3"]);
  expect(ask("www", TYPE.A, 0.9)).toEqual(["172.18.0.3", "172.18.0.2"]);
});

test("a known name has nothing of other types; unknown ones are forwarded", () => {
  expect(ask("db", TYPE.AAAA)).toEqual([]);
  expect(ask("db", 15)).toEqual([]);
  expect(ask("debian.org", TYPE.A)).toBe("forward");
  expect(ask("nobody", TYPE.A)).toBe("forward");
  expect(ask("gone", TYPE.A)).toBe("forward");
  expect(ask("loop", TYPE.A)).toBe("forward");
  expect(ask("nobody", TYPE.A, 0, true)).toEqual([]);
  expect(ask("nobody.net", TYPE.A, 0, true)).toBe("forward");
});

test("reverse lookups", () => {
  const name = (labels: string[]) =>
    labels.flatMap((label) => [label.length, ...Buffer.from(label)]).join(".");
  expect(ask("2.0.18.172.in-addr.arpa", TYPE.PTR)).toEqual([`${name(["web", "MyNet"])}.0`]);
  expect(ask(`2${".0".repeat(27)}.0.0.d.f.ip6.arpa`, TYPE.PTR)).toEqual([`${name(["web", "MyNet"])}.0`]);
  expect(ask("8.8.8.8.in-addr.arpa", TYPE.PTR)).toBe("forward");
});

test("a zone file is read again when it is replaced; a broken one leaves the last in force", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-zone-"));
  try {
    const path = join(folder, "zone");
    const file = new ZoneFile(path);
    expect(file.get().byName.size).toBe(0);
    const publish = (text: string) => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    publish(formatZone({ network: "n", hosts: [{ names: ["a"], addresses: ["10.0.0.1"] }] }));
    expect(file.get().byName.get("a")).toEqual(["10.0.0.1"]);
    expect(file.get()).toBe(file.get());
    publish(formatZone({ network: "n", hosts: [{ names: ["b"], addresses: ["10.0.0.2"] }] }));
    expect([...file.get().byName.keys()]).toEqual(["b"]);
    publish("{");
    expect([...file.get().byName.keys()]).toEqual(["b"]);
    rmSync(path);
    expect(file.get().byName.size).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is no zone is refused", () => {
  for (const text of [
    "",
    "null",
    "[]",
    "{}",
    '{"version":1,"network":"n","hosts":[1]}',
    '{"version":1,"network":"n","hosts":[{"names":[1],"addresses":[]}]}',
    '{"version":2,"network":"n","hosts":[]}',
    '{"version":1,"network":"n","hosts":[],"links":{"a":1}}',
  ]) {
    expect(parseZone(text)).toBeUndefined();
  }
});
