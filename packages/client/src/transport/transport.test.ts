import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../client.ts";
import { systemVersion } from "../endpoints/system/version.ts";
import { readTlsFolder } from "../environment.ts";
import { parseHost } from "./address.ts";
import { sshArguments } from "./dial.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-transport-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("host addresses", () => {
  test.each([
    ["unix:///a/b.sock", { kind: "unix", path: "/a/b.sock" }],
    ["unix://", { kind: "unix", path: "/var/run/docker.sock" }],
    ["/a.sock", { kind: "unix", path: "/a.sock" }],
    ["tcp://1.2.3.4:99", { kind: "tcp", host: "1.2.3.4", port: 99, basePath: "" }],
    ["tcp://", { kind: "tcp", host: "127.0.0.1", port: 2375, basePath: "" }],
    [":5555", { kind: "tcp", host: "127.0.0.1", port: 5555, basePath: "" }],
    ["tcp://[::1]:5/base/", { kind: "tcp", host: "::1", port: 5, basePath: "/base" }],
    ["example.org", { kind: "tcp", host: "example.org", port: 2375, basePath: "" }],
    ["https://x", { kind: "tcp", host: "x", port: 443, basePath: "" }],
    ["ssh://me@there:22", { kind: "ssh", user: "me", host: "there", port: 22 }],
    ["ssh://there/run/x.sock", { kind: "ssh", host: "there", path: "/run/x.sock" }],
  ])("%s", (text, address) => {
    expect(parseHost(text)).toEqual(address as ReturnType<typeof parseHost>);
  });

  test.each([
    "bogus://x",
    "tcp://a b",
    "tcp://x:99999",
    "ssh://",
    "ssh://-oProxyCommand=x",
    "ssh://-l@x",
    "ssh://u:p@x",
  ])("%s is refused", (text) => {
    expect(() => parseHost(text)).toThrow();
  });

  test("garbage never does anything but throw or parse", () => {
    let seed = 7;
    const alphabet = "unixtcpsh:/@[].%-0129 \0\n'";
    for (let round = 0; round < 5000; round++) {
      let text = "";
      for (let length = 0; length < 20; length++) {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        text += alphabet[seed % alphabet.length];
      }
      try {
        parseHost(text);
      } catch (error) {
        expect((error as { kind?: string }).kind).toBe("invalid-parameter");
      }
    }
  });
});

const VERSION = { Version: "1", ApiVersion: "1.51" };

test("tls: the server's certificate is checked, and ours is sent", async () => {
  const run = (...args: string[]) => {
    const done = Bun.spawnSync(["openssl", ...args], { cwd: folder, stderr: "pipe" });
    if (!done.success) throw new Error(done.stderr.toString());
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  run("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test ca");
  const san = "subjectAltName=IP:127.0.0.1";
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key"];
  run(
    "req",
    "-x509",
    ...signed,
    ...key,
    "-keyout",
    "server.key",
    "-out",
    "server.pem",
    "-subj",
    "/CN=s",
    "-addext",
    san,
  );
  run("req", "-x509", ...signed, ...key, "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=client");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: {
      cert: read("server.pem"),
      key: read("server.key"),
      ca: read("ca.pem"),
      requestCert: true,
      rejectUnauthorized: true,
    },
    fetch: () => Response.json(VERSION),
  });
  const host = `tcp://127.0.0.1:${server.port}`;
  const trusted = new Client({ host, tls: await readTlsFolder(folder, true) });
  expect((await systemVersion(trusted)).ApiVersion).toBe("1.51");
  trusted.close();

  const { ca, ...mine } = await readTlsFolder(folder, true);
  const suspicious = new Client({ host, tls: mine });
  const refused = await systemVersion(suspicious).catch((error: unknown) => error);
  expect(refused).toMatchObject({ kind: "unavailable" });

  const careless = new Client({ host, tls: { ...mine, verify: false } });
  expect((await systemVersion(careless)).ApiVersion).toBe("1.51");
  careless.close();

  const anonymous = new Client({ host, tls: { ca: ca!, verify: true } });
  const text = (client: Client) => systemVersion(client).catch(({ name, message }) => `${name}: ${message}`);
  expect(await text(anonymous)).toBe("ConnectError: remote error: tls: certificate required");

  run("req", "-x509", ...key, "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=other");
  const unknown = { ca: ca!, cert: read("other.pem"), key: read("other.key"), verify: true };
  expect(await text(new Client({ host, tls: unknown }))).toMatch(/^ConnectError: .*tls: /);
});

test("ssh: talks through the program's streams, and tells what it complained about", async () => {
  const path = join(folder, "daemon.sock");
  using _server = Bun.serve({ unix: path, fetch: () => Response.json(VERSION) });
  // Stands for sshd: runs the remote command here, where `berth` joins the streams with the socket.
  writeFileSync(
    join(folder, "ssh"),
    `#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\n[ "$2" = bad ] && { echo no route >&2; exit 255; }\nexec sh -c "$3"\n`,
  );
  writeFileSync(
    join(folder, "berth"),
    `#!${process.execPath}\nimport * as net from "node:net";\nconst s = net.connect(process.argv[3].slice(7));\nprocess.stdin.pipe(s);\ns.pipe(process.stdout);\n`,
  );
  for (const name of ["ssh", "berth"]) chmodSync(join(folder, name), 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${folder}:${before}`;
  try {
    const client = new Client({ host: `ssh://me@good${path}` });
    expect((await systemVersion(client)).ApiVersion).toBe("1.51");
    client.close();
    const bad = new Client({ host: "ssh://bad" });
    await expect(systemVersion(bad)).rejects.toThrow("no route");
  } finally {
    process.env.PATH = before;
  }
  expect(sshArguments({ kind: "ssh", host: "h", user: "u", port: 2, path: "/it's" }).slice(0, -1)).toEqual([
    "-o",
    "ConnectTimeout=30",
    "-T",
    "-l",
    "u",
    "-p",
    "2",
    "--",
    "h",
  ]);
});

const node = Bun.which("node");
test.skipIf(node === null)("the client runs on Node", async () => {
  const path = join(folder, "node.sock");
  using _server = Bun.serve({ unix: path, fetch: () => Response.json(VERSION) });
  const entry = join(folder, "program.ts");
  writeFileSync(
    entry,
    `import { Client, systemVersion } from ${JSON.stringify(join(import.meta.dir, "../index.ts"))};
const client = new Client({ host: "unix://${path}" });
systemVersion(client).then((v) => { console.log(v.ApiVersion); client.close(); });\n`,
  );
  const built = await Bun.build({
    entrypoints: [entry],
    target: "node",
    outdir: folder,
    naming: "node-program.mjs",
  });
  expect(built.success).toBe(true);
  const run = Bun.spawn([node!, join(folder, "node-program.mjs")], { stdout: "pipe", stderr: "pipe" });
  const [out, complaint] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  expect(complaint).toBe("");
  expect(out).toBe("1.51\n");
});
