import { expect, test } from "bun:test";
import type { HostConfig } from "@berth/api";
import type { CreateOptions } from "./container/backend.ts";
import { TestServer } from "./testing/test-server.ts";

const message = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { message: string }).message,
];

test("ping: body, headers, HEAD", async () => {
  await using server = await TestServer.start();
  for (const path of ["/_ping", "/v1.24/_ping"]) {
    const answer = await server.fetch(path);
    expect(await answer.text()).toBe("OK");
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "api-version": "1.51",
      "docker-experimental": "false",
      ostype: "linux",
      server: "Berth/0.0.0 (linux)",
      "builder-version": "1",
      swarm: "inactive",
      "cache-control": "no-cache, no-store, must-revalidate",
      pragma: "no-cache",
      "content-type": "text/plain; charset=utf-8",
      "content-length": "2",
    });
  }
  const head = await server.fetch("/_ping", { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), head.headers.get("api-version")]).toEqual([
    200,
    "0",
    "1.51",
  ]);
});

test("versions: too new, too old, not a version", async () => {
  await using server = await TestServer.start();
  const newer = "is too new. Maximum supported API version is 1.51";
  const older =
    "is too old. Minimum supported API version is 1.22, please upgrade your client to a newer version";
  for (const [version, status, text] of [
    ["1.99", 400, `client version 1.99 ${newer}`],
    ["1.51.1", 400, `client version 1.51.1 ${newer}`],
    ["2.0", 400, `client version 2.0 ${newer}`],
    ["1.10", 400, `client version 1.10 ${older}`],
    ["1.3", 400, `client version 1.3 ${older}`],
    ["1", 400, `client version 1 ${older}`],
    ["abc", 404, "page not found"],
    ["1.41x", 404, "page not found"],
  ] as const) {
    expect(await message(await server.fetch(`/v${version}/info`))).toEqual([status, text]);
  }
  for (const version of ["1.22", "1.51", "01.41"]) {
    expect((await server.fetch(`/v${version}/containers/json`)).status).toBe(200);
  }
});

test("paths: unknown ones, unclean ones, wrong methods", async () => {
  await using server = await TestServer.start();
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/nope"],
    ["GET", "/v1.41"],
    ["GET", "/containers/"],
    ["GET", "/containers/json/"],
    ["POST", "/containers/json"],
    ["DELETE", "/info"],
    ["PUT", "/images/json"],
  ] as const) {
    expect(await message(await server.fetch(path, { method }))).toEqual([404, "page not found"]);
  }
  using client = await server.connect();
  client.send("GET //containers/../containers/json?all=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  const redirect = await client.until("\r\n\r\n");
  expect(redirect).toStartWith("HTTP/1.1 301 Moved Permanently\r\n");
  expect(redirect).toContain("Location: /containers/json?all=1\r\n");
  expect((await server.fetch("/info", { method: "OPTIONS" })).status).toBe(200);
  expect((await server.fetch("/info", { method: "HEAD" })).status).toBe(404);
  expect(await message(await server.fetch("/containers/%zz/json"))).toEqual([400, "invalid URL path"]);
});

test("names may hold slashes, encoded or not", async () => {
  await using server = await TestServer.start();
  for (const path of ["/containers/a%2Fb/json", "/containers/a/b/json"]) {
    expect(await message(await server.fetch(path))).toEqual([404, "No such container: a/b"]);
  }
  await server.fetch("/images/registry:5000/x/y:1", { method: "DELETE" });
  expect(server.engine.last("image remove")).toEqual(["registry:5000/x/y:1", { force: false, prune: true }]);
});

test("errors are plain text below API 1.24", async () => {
  await using server = await TestServer.start();
  const answer = await server.fetch("/v1.22/containers/nope/json");
  expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
    404,
    "text/plain; charset=utf-8",
    "No such container: nope\n",
  ]);
});

test("statuses without a body", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  expect((await server.post("/containers/c/start")).status).toBe(204);
  const again = await server.post("/containers/c/start");
  expect([again.status, await again.text()]).toEqual([304, ""]);
  expect((await server.post("/containers/c/stop")).status).toBe(204);
  expect((await server.post("/containers/c/stop")).status).toBe(304);
  expect(await message(await server.post("/containers/c/kill"))).toEqual([
    409,
    `Container ${server.engine.find("c").id} is not running`,
  ]);
});

test("create: the body's fields and defaults", async () => {
  await using server = await TestServer.start();
  const answer = await server.post("/containers/create?name=c&platform=linux/arm64", {
    image: "bb",
    CMD: "true",
    Entrypoint: ["sh", "-c"],
    Unknown: 1,
    ExposedPorts: { "80/tcp": null },
    HostConfig: { Memory: 1024, PidsLimit: 0, Mounts: [{ Type: "bind", Source: "/a", Target: "/b" }] },
    NetworkingConfig: { EndpointsConfig: { net: { Aliases: ["x"] }, other: null } },
  });
  expect(answer.status).toBe(201);
  expect(await answer.json()).toEqual({ Id: server.engine.find("c").id, Warnings: [] });
  const [options] = server.engine.last("create") as [CreateOptions];
  expect(options).toMatchObject({ name: "c", platform: "linux/arm64", apiVersion: 51 });
  expect(options.config).toMatchObject({
    Image: "bb",
    Cmd: ["true"],
    Entrypoint: ["sh", "-c"],
    Env: null,
    Tty: false,
    ExposedPorts: { "80/tcp": {} },
  });
  expect(options.config).not.toHaveProperty("HostConfig");
  expect(options.hostConfig).toMatchObject({
    Memory: 1024,
    PidsLimit: null,
    Mounts: [{ Type: "bind", Source: "/a", Target: "/b" }],
    RestartPolicy: { Name: "", MaximumRetryCount: 0 },
    IpcMode: "",
    Ulimits: null,
  });
  expect(options.networkingConfig.EndpointsConfig?.net?.Aliases).toEqual(["x"]);
  expect(options.networkingConfig.EndpointsConfig?.other?.Links).toBeNull();
});

test("create: each API version has its own fields and defaults", async () => {
  await using server = await TestServer.start();
  const body = {
    Image: "bb",
    Healthcheck: { Test: ["NONE"], StartInterval: 5 },
    HostConfig: {
      AutoRemove: true,
      Annotations: { a: "b" },
      KernelMemory: 5,
      ConsoleSize: [24, 80],
      Mounts: [{ Type: "volume", Target: "/v", VolumeOptions: { Subpath: "x", NoCopy: true } }],
    },
    NetworkingConfig: { EndpointsConfig: { net: { MacAddress: "02:42:ac:11:00:02", GwPriority: 7 } } },
  };
  const at = async (version: string) => {
    await server.post(`/v${version}/containers/create`, body);
    return (server.engine.last("create") as [CreateOptions])[0];
  };
  const old = await at("1.24");
  expect(old.hostConfig).toMatchObject({
    AutoRemove: false,
    IpcMode: "shareable",
    CgroupnsMode: "host",
    ConsoleSize: [0, 0],
    KernelMemory: 5,
    Mounts: [{ VolumeOptions: { NoCopy: true } }],
  } as Partial<HostConfig>);
  expect(old.hostConfig).not.toHaveProperty("Annotations");
  expect(old.hostConfig.Mounts?.[0]?.VolumeOptions).not.toHaveProperty("Subpath");
  expect(old.config.Healthcheck).toEqual({ Test: ["NONE"] });
  expect(old.networkingConfig.EndpointsConfig?.net).toMatchObject({ MacAddress: "", GwPriority: 0 });
  const recent = await at("1.51");
  expect(recent.hostConfig).toMatchObject({
    AutoRemove: true,
    IpcMode: "",
    CgroupnsMode: "",
    ConsoleSize: [24, 80],
    Annotations: { a: "b" },
    Mounts: [{ VolumeOptions: { Subpath: "x", NoCopy: true } }],
  } as Partial<HostConfig>);
  expect(recent.hostConfig).not.toHaveProperty("KernelMemory");
  expect(recent.config.Healthcheck).toEqual({ Test: ["NONE"], StartInterval: 5 });
  expect(recent.networkingConfig.EndpointsConfig?.net).toMatchObject({
    MacAddress: "02:42:ac:11:00:02",
    GwPriority: 7,
  });
});

test("create: options of another mount type", async () => {
  await using server = await TestServer.start();
  const answer = await server.post("/containers/create", {
    Image: "bb",
    HostConfig: { Mounts: [{ Type: "bind", Source: "/a", Target: "/b", VolumeOptions: {} }] },
  });
  expect(await message(answer)).toEqual([400, 'VolumeOptions must not be specified on mount type "bind"']);
});

test("bodies that are not what they should be", async () => {
  await using server = await TestServer.start();
  for (const [body, text] of [
    ["{", "invalid JSON: unexpected EOF"],
    ["", "invalid JSON: got EOF while reading request body"],
    ["null", "Config cannot be empty in order to create a container"],
    ['{"a":"\\q"}', "invalid JSON: invalid character 'q' in string escape code"],
    ['{"a" 1}', "invalid JSON: invalid character '1' after object key"],
    ['{"Image":"bb"}{}', "unexpected content after JSON"],
    [
      "[]",
      "invalid JSON: json: cannot unmarshal array into Go value of type runconfig.ContainerConfigWrapper",
    ],
    [
      '{"HostConfig":{"Memory":"1"}}',
      "invalid JSON: json: cannot unmarshal string into Go struct field HostConfig.HostConfig.Memory of type int64",
    ],
    [
      '{"HostConfig":{"Memory":1.5}}',
      "invalid JSON: json: cannot unmarshal number 1.5 into Go struct field HostConfig.HostConfig.Memory of type int64",
    ],
    [
      '{"HostConfig":{"BlkioWeight":70000}}',
      "invalid JSON: json: cannot unmarshal number 70000 into Go struct field HostConfig.HostConfig.BlkioWeight of type uint16",
    ],
    [
      '{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":8080}]}}}',
      "invalid JSON: json: cannot unmarshal number into Go struct field PortBinding.HostConfig.PortBindings.HostPort of type string",
    ],
    [
      '{"NetworkingConfig":{"EndpointsConfig":{"a":{"Aliases":"x"}}}}',
      "invalid JSON: json: cannot unmarshal string into Go struct field EndpointSettings.NetworkingConfig.EndpointsConfig.Aliases of type []string",
    ],
    [
      '{"Volumes":["/x"]}',
      "invalid JSON: json: cannot unmarshal array into Go struct field ContainerConfigWrapper.Volumes of type map[string]struct {}",
    ],
    [
      '{"Healthcheck":{"Interval":"x"}}',
      "invalid JSON: json: cannot unmarshal string into Go struct field HealthConfig.Healthcheck.Interval of type time.Duration",
    ],
  ] as const) {
    expect(await message(await server.post("/containers/create", body))).toEqual([400, text]);
  }
});

test("content types of JSON bodies", async () => {
  await using server = await TestServer.start();
  const send = (type: string) =>
    server.fetch("/containers/create", {
      method: "POST",
      headers: { "Content-Type": type },
      body: '{"Image":"bb"}',
    });
  expect(await message(await send("text/plain"))).toEqual([
    400,
    "unsupported Content-Type header (text/plain): must be 'application/json'",
  ]);
  expect((await send("application/json; charset=utf-8")).status).toBe(201);
});

test("a body that is too large is refused, by its announced length and by what comes", async () => {
  await using server = await TestServer.start();
  const large = JSON.stringify({ Image: "x".repeat(5 << 20) });
  expect(await message(await server.post("/containers/create", large))).toEqual([
    413,
    "http: request body too large",
  ]);
  using client = await server.connect();
  client.send(
    "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const chunk = "x".repeat(1 << 20);
  for (let sent = 0; sent < 5; sent++) client.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  expect(await client.until("too large")).toStartWith("HTTP/1.1 413 ");
});

test("an empty body where Docker allows it", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  expect((await server.post("/containers/c/update")).status).toBe(200);
  expect(await message(await server.post("/containers/c/exec"))).toEqual([400, "No exec command specified"]);
  expect(await message(await server.post("/networks/create"))).toEqual([400, "invalid name: "]);
  expect((await server.post("/volumes/create")).status).toBe(201);
});

test("query parameters: truth, numbers, moments", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  for (const [text, truth] of [
    ["1", true],
    ["true", true],
    ["yes", true],
    ["abc", true],
    ["", false],
    ["0", false],
    ["no", false],
    ["False", false],
    ["none", false],
  ] as const) {
    await server.fetch(`/containers/json?all=${text}`);
    expect(server.engine.last("list")).toMatchObject([{ all: truth }]);
  }
  expect(await message(await server.fetch("/containers/json?limit=abc"))).toEqual([
    400,
    'strconv.Atoi: parsing "abc": invalid syntax',
  ]);
  expect(await message(await server.fetch("/containers/json?all=%zz"))).toEqual([
    400,
    'invalid URL escape "%zz"',
  ]);
  expect(await message(await server.post("/containers/c/resize?h=1"))).toEqual([
    400,
    'strconv.Atoi: parsing "": invalid syntax',
  ]);
  server.engine.logChunks = (async function* () {})();
  await server.fetch("/containers/c/logs?stdout=1&since=1795373934.5&until=1795373935&tail=10");
  expect(server.engine.last("logs")[1]).toMatchObject({
    since: 1_795_373_934_500_000_000n,
    until: 1_795_373_935_000_000_000n,
    tail: 10,
    stderr: false,
  });
  expect(await message(await server.fetch("/containers/c/logs?stdout=1&since=abc"))).toEqual([
    400,
    'strconv.ParseInt: parsing "abc": invalid syntax',
  ]);
  expect(await message(await server.fetch("/containers/c/logs"))).toEqual([
    400,
    "Bad parameters: you must choose at least one stream",
  ]);
});

test("filters: both forms, unknown keys, wrong JSON", async () => {
  await using server = await TestServer.start();
  const list = (filters: string) => server.fetch(`/containers/json?filters=${encodeURIComponent(filters)}`);
  for (const form of ['{"label":["a","b=c"]}', '{"label":{"a":true,"b=c":true}}']) {
    expect((await list(form)).status).toBe(200);
    const [{ filters }] = server.engine.last("list") as [{ filters: { get(key: string): string[] } }];
    expect(filters.get("label")).toEqual(["a", "b=c"]);
  }
  expect(await message(await list('{"foo":["x"]}'))).toEqual([400, "Invalid filter 'foo'"]);
  expect(await message(await list('{"foo"'))).toEqual([400, "unexpected end of JSON input"]);
  expect(await message(await list('["a"]'))).toEqual([
    400,
    "json: cannot unmarshal array into Go value of type map[string]map[string]bool",
  ]);
  await server.post("/v1.41/volumes/prune");
  const [old] = server.engine.last("volume prune") as [{ get(key: string): string[] }];
  expect(old.get("all")).toEqual(["true"]);
});

test("stop takes a signal since API 1.42", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  await server.post("/containers/c/start");
  await server.post("/v1.41/containers/c/stop?signal=SIGINT&t=3");
  expect(server.engine.last("stop")).toEqual(["c", { timeout: 3 }]);
  await server.post("/containers/c/stop?signal=SIGINT");
  expect(server.engine.last("stop")).toEqual(["c", { signal: "SIGINT" }]);
});

test("wait: headers at once, the status when it ends; conditions", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  const answer = await server.post("/containers/c/wait?condition=next-exit");
  expect(answer.status).toBe(200);
  await server.post("/containers/c/start");
  await server.post("/containers/c/kill");
  expect(await answer.json()).toEqual({ Error: null, StatusCode: 137 });
  expect(await message(await server.post("/containers/c/wait?condition=foo"))).toEqual([
    400,
    'invalid condition: "foo"',
  ]);
  expect((await server.post("/containers/nope/wait")).status).toBe(404);
});

test("archive: stat header, missing path, missing parameter", async () => {
  await using server = await TestServer.start();
  await server.create("c");
  for (const method of ["HEAD", "GET"]) {
    const answer = await server.fetch("/containers/c/archive?path=/etc", { method });
    const header = answer.headers.get("x-docker-container-path-stat") ?? "";
    expect(JSON.parse(atob(header))).toEqual({
      name: "etc",
      size: 4096,
      mode: 2147484141,
      mtime: "2026-11-22T18:58:54Z",
      linkTarget: "",
    });
    expect(await answer.text()).toBe(method === "GET" ? "a tar" : "");
  }
  expect(await message(await server.fetch("/containers/c/archive?path=/x"))).toEqual([
    404,
    "Could not find the file /x in container c",
  ]);
  expect(await message(await server.fetch("/containers/c/archive"))).toEqual([
    400,
    "bad parameter: pathcannot be empty",
  ]);
});

test("what this daemon does not have says so", async () => {
  await using server = await TestServer.start();
  expect((await server.post("/build")).status).toBe(501);
  expect((await server.post("/session")).status).toBe(501);
  expect((await message(await server.fetch("/services")))[0]).toBe(503);
  expect(await (await server.post("/build/prune")).json()).toEqual({
    CachesDeleted: null,
    SpaceReclaimed: 0,
  });
  expect(await (await server.fetch("/plugins")).json()).toEqual([]);
  await server.create("c");
  for (const method of ["GET", "POST"]) {
    const [status, text] = await message(await server.fetch("/containers/c/checkpoints", { method }));
    expect([status, text]).toEqual([501, expect.stringContaining("experimental feature is disabled")]);
  }
  expect((await server.fetch("/containers/c/checkpoints/one", { method: "DELETE" })).status).toBe(501);
  expect(await message(await server.post("/containers/c/start?checkpoint=one"))).toEqual([
    400,
    "checkpoint is only supported in experimental mode",
  ]);
  for (const path of ["/services/x/update", "/nodes/x/update", "/secrets/create", "/swarm/leave"])
    expect((await server.post(path)).status).toBe(503);
  expect((await server.post("/volumes/create", { ClusterVolumeSpec: {} })).status).toBe(503);
  expect(await message(await server.fetch("/volumes/v", { method: "PUT" }))).toEqual([
    503,
    "volume update only valid for cluster volumes, but swarm is unavailable",
  ]);
});

test("bootstrap is Berth's own route", async () => {
  await using server = await TestServer.start();
  const answer = await server.post("/v1.51/berth/images/bootstrap?name=busybox&mirror=http://m");
  expect(await answer.text()).toBe('{"status":"made"}\r\n');
  expect(server.engine.last("bootstrap")).toEqual(["busybox", { mirror: "http://m" }]);
  expect((await server.post("/berth/images/bootstrap")).status).toBe(400);
});

test("while the daemon stops, requests are refused", async () => {
  await using server = await TestServer.start();
  server.api.drain();
  expect(await message(await server.post("/containers/c/start"))).toEqual([
    503,
    "the daemon is shutting down",
  ]);
});
