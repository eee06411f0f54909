import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@berth/base";
import { MEDIA_TYPE } from "@berth/spec";
import { parseChallenges } from "./auth/challenge.ts";
import type { Login, RegistrySettings } from "./client.ts";
import { endpointsOf } from "./hosts/endpoint.ts";
import { isInsecure } from "./hosts/insecure.ts";
import { retryAfter } from "./http/retry.ts";
import { createRegistryClient } from "./registry-client.ts";
import { FakeRegistry } from "./testing/fake-registry.ts";

setDefaultTimeout(30_000);

const never = () => new AbortController().signal;
const settings: RegistrySettings = {
  mirrors: [],
  insecure: [],
  certificates: [],
  userAgent: "test",
  attempts: 3,
};
let registry: FakeRegistry;
let root: string;
beforeEach(() => {
  registry = new FakeRegistry();
  root = mkdtempSync(join(tmpdir(), "berth-registry-"));
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const client = (more: Partial<RegistrySettings> = {}) =>
  createRegistryClient(() => ({ ...settings, ...more }));
const repository = (path: string, login?: Login, more: Partial<RegistrySettings> = {}) =>
  client(more).repository(
    { domain: registry.domain, path },
    login === undefined ? {} : { credentials: { find: () => login } },
  );
const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] };
const publish = (path: string, tag: string) => registry.addManifest(path, tag, MEDIA_TYPE.ociIndex, manifest);
const joe = { username: "joe", password: "secret" };
const basic = `Basic ${btoa("joe:secret")}`;

test("challenges", () => {
  const [one, two] = parseChallenges(
    'Bearer realm="https://auth/token",service="a \\"b\\"",scope="repository:x:pull,push", Basic realm=x',
  );
  expect(one!.scheme).toBe("bearer");
  expect([...one!.parameters]).toEqual([
    ["realm", "https://auth/token"],
    ["service", 'a "b"'],
    ["scope", "repository:x:pull,push"],
  ]);
  expect(two).toEqual({ scheme: "basic", parameters: new Map([["realm", "x"]]) });
  expect(parseChallenges("")).toEqual([]);
  expect(parseChallenges("\u0000;;")).toEqual([]);
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: 40 }, () => ' ,="\\abcBearer'[Math.floor(Math.random() * 14)]).join("");
    parseChallenges(text);
  }
});

test("Retry-After in seconds and as a date", () => {
  expect(retryAfter("2")).toBe(2000);
  expect(retryAfter("Wed, 21 Oct 2015 07:28:00 GMT", Date.parse("2015-10-21T07:27:00Z"))).toBe(60_000);
  expect(retryAfter("soon")).toBeUndefined();
  expect(retryAfter(null)).toBeUndefined();
});

test("which hosts may be spoken to without verified TLS", () => {
  const lists = ["registry.lan:5000", "10.1.0.0/16", "plain.example"];
  const cases: Record<string, boolean> = {
    "localhost:5000": true,
    "127.0.0.2:5000": true,
    "[::1]:5000": true,
    "registry.lan:5000": true,
    "registry.lan:5001": false,
    "10.1.2.3:80": true,
    "10.2.2.3": false,
    "plain.example:99": true,
    "docker.io": false,
  };
  for (const [host, insecure] of Object.entries(cases))
    expect([host, isInsecure(host, lists)]).toEqual([host, insecure]);
});

describe("tokens", () => {
  /** A registry that wants a bearer token for the repository's path. */
  function wantTokens(grant: (request: Request, url: URL) => Promise<Response> | Response): void {
    registry.intercept = (request, url) => {
      if (url.pathname === "/token") return grant(request, url);
      const path = /^\/v2\/(.*)\/(manifests|blobs|tags)/.exec(url.pathname)?.[1] ?? "";
      const wanted = `repository:${path}:${request.method === "GET" || request.method === "HEAD" ? "pull" : "pull,push"}`;
      const given = request.headers.get("authorization");
      if (given === `Bearer ok-${path}`) return undefined;
      return new Response(null, {
        status: 401,
        headers: { "WWW-Authenticate": `Bearer realm="${registry.url}/token",service="s",scope="${wanted}"` },
      });
    };
  }

  test("by user and password, once for each repository; the next request brings it along", async () => {
    publish("a/b", "1");
    publish("c", "1");
    wantTokens((request, url) => {
      expect(request.headers.get("authorization")).toBe(basic);
      expect(url.searchParams.get("account")).toBe("joe");
      const path = url.searchParams.get("scope")!.split(":")[1];
      return Response.json({ token: `ok-${path}`, expires_in: 300 });
    });
    const all = client();
    const open = (path: string) =>
      all.repository({ domain: registry.domain, path }, { credentials: { find: () => joe } });
    await open("a/b").resolve({ tag: "1" }, never());
    await open("a/b").fetchManifest({ tag: "1" }, never());
    expect(registry.requests("GET", "/token")).toHaveLength(1);
    expect(registry.seen.length).toBe(4);
    await open("c").resolve({ tag: "1" }, never());
    expect(registry.requests("GET", "/token")).toHaveLength(2);
    // Another user gets nothing of it.
    const nobody = all.repository({ domain: registry.domain, path: "a/b" });
    wantTokens(() => Response.json({ details: "no" }, { status: 401 }));
    await expect(nobody.fetchManifest({ tag: "1" }, never())).rejects.toThrow("unauthorized: no");
  });

  test("by an identity token with OAuth 2", async () => {
    publish("a", "1");
    wantTokens(async (request) => {
      expect(request.method).toBe("POST");
      const form = new URLSearchParams(await request.text());
      expect(Object.fromEntries(form)).toEqual({
        grant_type: "refresh_token",
        refresh_token: "identity",
        service: "s",
        client_id: "berth",
        scope: "repository:a:pull",
      });
      return Response.json({ access_token: "ok-a" });
    });
    expect(await repository("a", { identityToken: "identity" }).resolve({ tag: "1" }, never())).toBeDefined();
  });

  test("a token server that refuses, or answers nonsense", async () => {
    wantTokens(() => Response.json({ details: "incorrect username or password" }, { status: 401 }));
    await expect(repository("a", joe).fetchManifest({ tag: "1" }, never())).rejects.toThrow(
      "unauthorized: incorrect username or password",
    );
    wantTokens(() => new Response("<html>"));
    await expect(repository("a", joe).fetchManifest({ tag: "1" }, never())).rejects.toThrow(
      "unable to decode token response",
    );
    wantTokens(() => Response.json({ token: "a\r\nX-Evil: 1" }));
    await expect(repository("a", joe).fetchManifest({ tag: "1" }, never())).rejects.toThrow(
      "a token that is none",
    );
  });

  test("login: an identity token instead of the password", async () => {
    wantTokens((_, url) => {
      expect(url.searchParams.get("offline_token")).toBe("true");
      return Response.json({ token: "ok-", refresh_token: "identity" });
    });
    expect(await client().login(registry.domain, joe, never())).toBe("identity");
  });
});

test("basic authentication; credentials never follow to another host", async () => {
  const digest = registry.addBlob(Buffer.from("content"));
  await using elsewhere = new FakeRegistry();
  elsewhere.intercept = () => new Response("content");
  registry.intercept = (request, url) => {
    if (request.headers.get("authorization") !== basic) {
      return new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="r"' } });
    }
    return url.pathname.includes("/blobs/")
      ? Response.redirect(`${elsewhere.url}/x?signed=1`, 307)
      : undefined;
  };
  const bytes = await repository("a", joe).fetchBlob({ mediaType: "x", digest, size: 7 }, 100, never());
  expect(Buffer.from(bytes).toString()).toBe("content");
  expect(elsewhere.seen.map((each) => each.authorization)).toEqual([undefined]);
  // A host that is redirected to and wants to know who asks learns nothing either.
  elsewhere.intercept = () =>
    new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="r"' } });
  await expect(
    repository("a", joe).fetchBlob({ mediaType: "x", digest, size: 7 }, 100, never()),
  ).rejects.toThrow("unauthorized");
  expect(elsewhere.seen.map((each) => each.authorization)).toEqual([undefined, undefined]);
  await expect(repository("a").fetchManifest({ tag: "1" }, never())).rejects.toThrow(
    `Head "${registry.url}/v2/a/manifests/1": no basic auth credentials`,
  );
});

test("a blob that the registry has not: only of layers that are not distributed the descriptor's URLs are asked", async () => {
  await using elsewhere = new FakeRegistry();
  const bytes = Buffer.from("a layer of others");
  const digest = elsewhere.addBlob(bytes);
  const blob = { digest, size: bytes.length, urls: [`${elsewhere.url}/v2/x/blobs/${digest}`] };
  const open = (mediaType?: string) =>
    repository("a", joe).openBlob(
      { ...blob, ...(mediaType !== undefined && { mediaType }) },
      { offset: 0 },
      never(),
    );
  for (const type of [undefined, MEDIA_TYPE.ociLayer, MEDIA_TYPE.dockerLayerGzip])
    await expect(open(type)).rejects.toThrow("unknown blob");
  expect(elsewhere.seen).toEqual([]);
  const opened = await open("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  expect(await new Response(opened.body).text()).toBe("a layer of others");
  expect(elsewhere.seen.map((each) => each.authorization)).toEqual([undefined]);
});

describe("hosts", () => {
  test("mirrors come first, without credentials, and the registry itself when they fail", async () => {
    await using mirror = new FakeRegistry();
    publish("library/x", "1");
    const toml = `server = "${registry.url}"\n[host."${mirror.url}"]\ncapabilities = ["pull"]\n[host."${mirror.url}".header]\nx-key = "k"\n`;
    mkdirSync(join(root, "example.com"));
    writeFileSync(join(root, "example.com/hosts.toml"), toml);
    let header: string | null = null;
    mirror.intercept = (request) => {
      header = request.headers.get("x-key");
      return undefined;
    };
    const open = () =>
      client({ certificates: [root] }).repository(
        { domain: "example.com", path: "library/x" },
        { credentials: { find: (domain) => (domain === "example.com" ? joe : undefined) } },
      );
    expect(await open().resolve({ tag: "1" }, never())).toBeDefined();
    expect(mirror.requests("HEAD")).toHaveLength(1);
    expect(header as string | null).toBe("k");
    expect(registry.requests("HEAD")).toHaveLength(1);
    mirror.addManifest("library/x", "1", MEDIA_TYPE.ociIndex, manifest);
    await open().fetchManifest({ tag: "1" }, never());
    expect(registry.requests("GET")).toHaveLength(0);
  });

  test("a mirror that cannot be reached is asked once for a repository", async () => {
    publish("library/x", "1");
    let connections = 0;
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(socket) {
          connections++;
          socket.terminate();
        },
        data() {},
      },
    });
    const toml = `server = "${registry.url}"\n[host."http://127.0.0.1:${listener.port}"]\ncapabilities = ["pull"]\n`;
    mkdirSync(join(root, "example.com"));
    writeFileSync(join(root, "example.com/hosts.toml"), toml);
    const opened = client({ certificates: [root] }).repository({ domain: "example.com", path: "library/x" });
    for (let n = 0; n < 3; n++) expect(await opened.resolve({ tag: "1" }, never())).toBeDefined();
    expect(connections).toBe(1);
    listener.stop(true);
  });

  test("where docker.io is, and what hosts.toml says", () => {
    const [mirror, hub] = endpointsOf("docker.io", "pull", {
      ...settings,
      mirrors: ["https://mirror.lan/cache/"],
    });
    expect([mirror!.host, mirror!.prefix, mirror!.mirror]).toEqual(["mirror.lan", "/cache/v2", true]);
    expect([hub!.host, hub!.schemes]).toEqual(["registry-1.docker.io", ["https"]]);
    expect(endpointsOf("docker.io", "push", { ...settings, mirrors: ["https://mirror.lan"] })).toHaveLength(
      1,
    );
    mkdirSync(join(root, "r.example:5000"));
    writeFileSync(join(root, "r.example:5000/ca.crt"), "PEM");
    writeFileSync(join(root, "r.example:5000/client.cert"), "CERT");
    expect(() => endpointsOf("r.example:5000", "pull", { ...settings, certificates: [root] })).toThrow(
      "missing key client.key for client certificate client.cert",
    );
    writeFileSync(join(root, "r.example:5000/client.key"), "KEY");
    const [own] = endpointsOf("r.example:5000", "pull", { ...settings, certificates: [root] });
    expect(own!.tls).toEqual({ ca: ["PEM"], cert: "CERT", key: "KEY", verify: true });
  });

  test("certificates: an unknown authority, one of certs.d, none that TLS is spoken with", async () => {
    const { exitCode } = Bun.spawnSync(
      [
        ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
        ...["-keyout", "key.pem", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test"],
        ...["-addext", "subjectAltName=IP:127.0.0.3"],
      ],
      { cwd: root, stderr: "ignore" },
    );
    expect(exitCode).toBe(0);
    await using server = new (class implements AsyncDisposable {
      readonly server = Bun.serve({
        hostname: "127.0.0.3",
        port: 0,
        tls: { key: Bun.file(join(root, "key.pem")), cert: Bun.file(join(root, "ca.crt")) },
        fetch: () => Response.json(manifest, { headers: { "Content-Type": MEDIA_TYPE.ociIndex } }),
      });
      async [Symbol.asyncDispose]() {
        await this.server.stop(true);
      }
    })();
    const domain = `127.0.0.3:${server.server.port}`;
    const ask = (certificates: string[]) =>
      client({ certificates }).repository({ domain, path: "x" }).fetchManifest({ tag: "1" }, never());
    // Loopback is insecure: not verified, but encrypted.
    expect((await ask([])).content).toBeDefined();
    mkdirSync(join(root, domain));
    Bun.spawnSync(["cp", "ca.crt", domain], { cwd: root });
    expect((await ask([root])).content).toBeDefined();
    // A host that has to be verified.
    const toml = (extra: string) =>
      writeFileSync(join(root, "strict", "hosts.toml"), `[host."https://${domain}"]\n${extra}`);
    mkdirSync(join(root, "strict"));
    toml("");
    expect(
      (
        await client({ certificates: [root] })
          .repository({ domain: "strict", path: "x" })
          .fetchManifest({ tag: "1" }, never())
      ).content,
    ).toBeDefined();
  });
});

describe("uploads", () => {
  const bytes = new Uint8Array(20 << 20).fill(7);
  const file = () => {
    const path = join(root, "blob");
    writeFileSync(path, bytes);
    return { kind: "file" as const, path, digest: sha256(bytes), size: bytes.length };
  };

  test("a file in one piece; a stream whose digest is known at its end; a mount", async () => {
    const sent: number[] = [];
    await repository("a").uploadBlob(file(), { signal: never(), onProgress: (at) => sent.push(at) });
    expect(sha256(registry.blobs.get(sha256(bytes))!)).toBe(sha256(bytes));
    expect(sent.at(-1)).toBe(bytes.length);
    expect(registry.seen.map((each) => each.method)).toEqual(["POST", "PUT"]);
    const hash = new Bun.CryptoHasher("sha256");
    async function* body() {
      for (let n = 0; n < 5; n++) {
        const piece = new Uint8Array(100_000).fill(n);
        hash.update(piece);
        yield piece;
      }
    }
    const source = {
      kind: "stream" as const,
      open: () => ({ body: body(), digest: () => `sha256:${hash.digest("hex")}` as const }),
    };
    const made = await repository("a").uploadBlob(source, { signal: never() });
    expect(made.size).toBe(500_000);
    expect(await repository("a").checkBlob(made.digest, never())).toBe(500_000);
    expect(await repository("b").checkBlob(made.digest, never())).toBeUndefined();
    expect(await repository("b").mountBlob(made.digest, "a", never())).toBe(true);
    expect(await repository("b").mountBlob(sha256("?"), "a", never())).toBe(false);
    expect(await repository("b").checkBlob(made.digest, never())).toBe(500_000);
  });

  test("an upload that fails goes on where the registry is", async () => {
    const source = file();
    let failed = false;
    registry.intercept = async (request) => {
      if (request.method !== "PUT" || failed) return undefined;
      failed = true;
      // Half of it arrives in the registry, and then it has a bad moment.
      const half = bytes.subarray(0, 8 << 20);
      await request.bytes();
      await fetch(request.url.replace(/&digest=.*$/, ""), { method: "PATCH", body: half });
      return new Response(null, { status: 502 });
    };
    await repository("a").uploadBlob(source, { signal: never() });
    expect(registry.blobs.has(source.digest)).toBe(true);
    const methods = registry.seen.map((each) => each.method);
    expect(methods.slice(-4)).toEqual(["HEAD", "GET", "PATCH", "PUT"]);
  });
});

test("tags page by page, and a list that goes in circles", async () => {
  registry.intercept = (_, url) => {
    const last = url.searchParams.get("last");
    const next = last === null ? "b" : last === "b" ? "c" : undefined;
    const headers: Record<string, string> =
      next === undefined ? {} : { Link: `</v2/x/tags/list?last=${next}>; rel="next"` };
    return Response.json({ name: "x", tags: [last ?? "a"] }, { headers });
  };
  expect(await repository("x").tags(never())).toEqual(["a", "b", "c"]);
  registry.intercept = () =>
    Response.json({ tags: ["a"] }, { headers: { Link: '</v2/x/tags/list>; rel="next"' } });
  await expect(repository("x").tags(never())).rejects.toThrow("the registry's list has no end");
});

test("referrers from the tag where a registry has no such API", async () => {
  const subject = sha256("x");
  const entry = { mediaType: MEDIA_TYPE.ociManifest, digest: sha256("y"), size: 1, artifactType: "a/b" };
  registry.addManifest("x", `sha256-${subject.slice(7)}`, MEDIA_TYPE.ociIndex, {
    ...manifest,
    manifests: [entry],
  });
  expect(await repository("x").referrers(subject, {}, never())).toEqual([entry]);
  expect(await repository("x").referrers(subject, { artifactType: "c/d" }, never())).toEqual([]);
  expect(await repository("x").referrers(sha256("z"), {}, never())).toEqual([]);
});

test("a registry that spoke HTTP and breaks off is told of as such, not as one without TLS", async () => {
  const digest = registry.addBlob(Buffer.from("x"));
  const opened = repository("a");
  expect(await opened.checkBlob(digest, never())).toBe(1);
  const port = Number(registry.domain.split(":")[1]);
  await registry[Symbol.asyncDispose]();
  // On the same port, and mute.
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port,
    socket: {
      open(socket) {
        socket.terminate();
      },
      data() {},
    },
  });
  await expect(opened.checkBlob(digest, never())).rejects.toThrow(`Get "http://127.0.0.1:${port}/v2/": EOF`);
  listener.stop(true);
});

test("a registry that is not there, one that does not speak HTTP, one that speaks no TLS", async () => {
  const ask = (domain: string) =>
    client().repository({ domain, path: "x" }).fetchManifest({ tag: "1" }, never());
  await expect(ask("127.0.0.1:1")).rejects.toThrow(
    'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  );
  const port = new URL(registry.url).port;
  const strict = createRegistryClient(() => ({ ...settings, certificates: [root] }));
  mkdirSync(join(root, "plain"));
  writeFileSync(join(root, "plain/hosts.toml"), `server = "https://0.0.0.0:${port}"`);
  await expect(
    strict.repository({ domain: "plain", path: "x" }).fetchManifest({ tag: "1" }, never()),
  ).rejects.toThrow("http: server gave HTTP response to HTTPS client");
});
