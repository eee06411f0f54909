import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import type { ConfigFile } from "./config-file.ts";
import { readConfigFile } from "./config-file.ts";
import {
  allCredentials,
  eraseCredentials,
  HUB_KEY,
  readCredentials,
  storeCredentials,
} from "./credentials.ts";
import { registryAuth, registryConfig } from "./registry-auth.ts";

let folder: string;
let stderr: ReturnType<typeof memoryOutput>;

/** Follows the protocol with a JSON file; keeps a journal of its calls. */
const HELPER = `#!/bin/sh
store="$HELPER_STORE"; input=$(cat)
printf '%s %s\\n' "$1" "$input" >> "$store.log"
case "$1" in
store) printf '%s' "$input" > "$store";;
get) if [ -e "$store" ] && grep -q "\\"ServerURL\\":\\"$input\\"" "$store"; then cat "$store"; else echo "credentials not found in native keychain"; exit 1; fi;;
erase) rm -f "$store";;
list) if [ -e "$store" ]; then sed -E 's/.*"ServerURL":"([^"]*)".*"Username":"([^"]*)".*/{"\\1":"\\2"}/' "$store"; else echo '{}'; fi;;
esac
`;

beforeEach(() => {
  folder = mkdtempSync("/tmp/berth-credentials-");
  stderr = memoryOutput(2);
  writeFileSync(join(folder, "docker-credential-shell"), HELPER);
  chmodSync(join(folder, "docker-credential-shell"), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A context that reads config.json anew at each use. */
function context(config?: ConfigFile): Context {
  if (config !== undefined) writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const environment = { PATH: `${folder}:/usr/bin:/bin`, HELPER_STORE: join(folder, "store") };
  return {
    environment,
    stderr,
    configuration: async () => ({ folder, file: await readConfigFile(folder, (text) => stderr.write(text)) }),
  } as unknown as Context;
}

const written = () => JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as ConfigFile;
const decode = (header: string) => JSON.parse(Buffer.from(header, "base64url").toString()) as unknown;

test("entries of config.json, by key, by host, tokens", async () => {
  const where = context({
    auths: {
      "r.example:5000": { auth: Buffer.from("me:se:cret").toString("base64") },
      "https://old.example/v1/": { auth: Buffer.from("o:p").toString("base64") },
      [HUB_KEY]: { auth: Buffer.from("hub:pw").toString("base64") },
      "t.example": { auth: Buffer.from("u:").toString("base64"), identitytoken: "IT" },
      "empty.example": {},
      "bad.example": { auth: "!!" },
    },
  });
  expect(decode(await registryAuth(where, "r.example:5000"))).toEqual({
    username: "me",
    password: "se:cret",
    serveraddress: "r.example:5000",
  });
  expect(decode(await registryAuth(where, "old.example"))).toEqual({
    username: "o",
    password: "p",
    serveraddress: "https://old.example/v1/",
  });
  expect(decode(await registryAuth(where, "docker.io"))).toMatchObject({ username: "hub" });
  expect(decode(await registryAuth(where, "t.example"))).toEqual({
    username: "u",
    serveraddress: "t.example",
    identitytoken: "IT",
  });
  expect(await registryAuth(where, "empty.example")).toBe("e30=");
  expect(stderr.text()).toBe("");
  expect(await registryAuth(where, "bad.example")).toBe("e30=");
  expect(stderr.text()).toContain("WARNING: the credentials of bad.example");
  const all = decode(await registryConfig(where)) as Record<string, unknown>;
  expect(Object.keys(all).sort()).toEqual(
    [HUB_KEY, "https://old.example/v1/", "r.example:5000", "t.example"].sort(),
  );
});

test("stored in config.json: readable by the owner only, other fields stay, a link stays a link", async () => {
  symlinkSync("elsewhere.json", join(folder, "config.json"));
  const where = context();
  writeFileSync(join(folder, "elsewhere.json"), `{"unknown":[1],"auths":{"a":{"auth":"eDp5"}}}`);
  const credentials = { username: "me", password: "pw", serveraddress: "b" };
  expect(await storeCredentials(where, "b", credentials)).toBe(true);
  expect(await storeCredentials(where, "b", credentials)).toBe(false);
  expect(written()).toEqual({
    unknown: [1],
    auths: { a: { auth: "eDp5" }, b: { auth: "bWU6cHc=" } },
  } as unknown as ConfigFile);
  expect(statSync(join(folder, "elsewhere.json")).mode & 0o777).toBe(0o600);
  expect(await readCredentials(where, "b")).toEqual(credentials);
  expect(await storeCredentials(where, "b", { username: "me", identitytoken: "T", serveraddress: "b" })).toBe(
    false,
  );
  expect(written().auths?.b).toEqual({ auth: "bWU6", identitytoken: "T" });
  expect(await eraseCredentials(where, ["b", "nothing"])).toEqual(new Map());
  expect(Object.keys(written().auths ?? {})).toEqual(["a"]);
});

test("a helper keeps them; config.json names only the registry", async () => {
  const where = context({ credHelpers: { "h.example": "shell" } });
  expect(await readCredentials(where, "h.example")).toBeUndefined();
  const credentials = { username: "me", password: "pw", serveraddress: "h.example" };
  expect(await storeCredentials(where, "h.example", credentials)).toBe(false);
  expect(written().auths).toEqual({ "h.example": {} });
  expect(await readCredentials(where, "h.example")).toEqual(credentials);
  expect(await allCredentials(where, stderr.write)).toEqual({ "h.example": credentials });
  await storeCredentials(where, "h.example", { identitytoken: "T", serveraddress: "h.example" });
  expect(await readCredentials(where, "h.example")).toEqual({
    serveraddress: "h.example",
    identitytoken: "T",
  });
  expect(await eraseCredentials(where, ["h.example"])).toEqual(new Map());
  expect(await readCredentials(where, "h.example")).toBeUndefined();
  const calls = readFileSync(join(folder, "store.log"), "utf8").split("\n");
  expect(calls).toContain(`store {"ServerURL":"h.example","Username":"me","Secret":"pw"}`);
  expect(calls).toContain("erase h.example");
});

test("a store for all registries is asked for its list", async () => {
  const where = context({ credsStore: "shell" });
  await storeCredentials(where, "s.example", { username: "u", password: "p", serveraddress: "s.example" });
  expect(Object.keys(await allCredentials(where, stderr.write))).toEqual(["s.example"]);
});

test("a helper that is missing or broken: told, and the registry is used without", async () => {
  const where = context({ credsStore: "none" });
  expect(await registryAuth(where, "x.example")).toBe("e30=");
  expect(stderr.text()).toContain(`exec: "docker-credential-none": executable file not found in $PATH`);
  expect(decode(await registryConfig(where))).toEqual({});
  for (const [name, script] of Object.entries({ garbage: "echo '[1'", fails: "echo oops; exit 3" })) {
    writeFileSync(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    expect(await registryAuth(context({ credsStore: name }), "x.example")).toBe("e30=");
  }
  expect(stderr.text()).toContain("err: exit status 3, out: `oops`");
  const bad = context({ credsStore: "../../x" });
  expect(await registryAuth(bad, "x.example")).toBe("e30=");
});
