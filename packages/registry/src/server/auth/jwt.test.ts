import { expect, test } from "bun:test";
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signToken, type Trust, trustFromJwks, trustFromPem, verifyToken } from "./jwt.ts";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }) as string;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = { iss: "i", aud: "a", sub: "ann", exp: Math.floor(Date.now() / 1000) + 60 };
const trust: Trust = trustFromPem(pem(ec.publicKey) + pem(rsa.publicKey));

function made(header: object, signer: (data: Buffer) => Buffer, body: object = claims): string {
  const data = `${part(header)}.${part(body)}`;
  return `${data}.${signer(Buffer.from(data)).toString("base64url")}`;
}
const byEc = (key: KeyObject) => (data: Buffer) => sign("sha256", data, { key, dsaEncoding: "ieee-p1363" });

test("a token of a trusted key", () => {
  expect(verifyToken(signToken(claims, ec.privateKey, trust.keys[0]!.ids[0]!), trust)).toMatchObject(claims);
  expect(
    verifyToken(
      made({ alg: "RS256" }, (data) => sign("sha256", data, rsa.privateKey)),
      trust,
    ),
  ).toMatchObject(claims);
});

test("forged ones", () => {
  const forged: Record<string, string> = {
    "no algorithm": made({ alg: "none" }, () => Buffer.alloc(0)),
    "no algorithm, in capitals": made({ alg: "NONE" }, () => Buffer.alloc(0)),
    "no header of one": made({}, byEc(ec.privateKey)),
    "the public key as a shared secret": made({ alg: "HS256" }, (data) =>
      createHmac("sha256", pem(rsa.publicKey)).update(data).digest(),
    ),
    "a signature of zeros": made({ alg: "ES256" }, () => Buffer.alloc(64)),
    "an empty signature": made({ alg: "ES256" }, () => Buffer.alloc(0)),
    "a stranger's key": made({ alg: "ES256" }, byEc(stranger.privateKey)),
    "a stranger's key inside": made(
      { alg: "ES256", jwk: stranger.publicKey.export({ format: "jwk" }) },
      byEc(stranger.privateKey),
    ),
    "a key elsewhere": made({ alg: "ES256", jku: "http://127.0.0.1:1/keys" }, byEc(stranger.privateKey)),
    "another kind of key": made({ alg: "RS256" }, byEc(ec.privateKey)),
    "an id of nobody": made({ alg: "ES256", kid: "../../etc/passwd" }, byEc(ec.privateKey)),
    "a name of the prototype": made({ alg: "constructor" }, byEc(ec.privateKey)),
    "no end": made({ alg: "ES256" }, byEc(ec.privateKey), { ...claims, exp: undefined }),
    "an end as text": made({ alg: "ES256" }, byEc(ec.privateKey), { ...claims, exp: "9999999999" }),
    "an end long ago": made({ alg: "ES256" }, byEc(ec.privateKey), { ...claims, exp: 1000 }),
    "not before next year": made({ alg: "ES256" }, byEc(ec.privateKey), { ...claims, nbf: claims.exp + 1e7 }),
    "four parts": `${signToken(claims, ec.privateKey, trust.keys[0]!.ids[0]!)}.x`,
    rubbish: "a.b.c",
  };
  for (const [what, token] of Object.entries(forged))
    expect([what, verifyToken(token, trust)]).toEqual([what, undefined]);
  const changed = signToken(claims, ec.privateKey, trust.keys[0]!.ids[0]!).split(".");
  changed[1] = part({ ...claims, sub: "root" });
  expect(verifyToken(changed.join("."), trust)).toBeUndefined();
});

test("only the algorithms that are asked for", () => {
  const token = signToken(claims, ec.privateKey, trust.keys[0]!.ids[0]!);
  expect(verifyToken(token, { ...trust, algorithms: ["RS256"] })).toBeUndefined();
  expect(verifyToken(token, { ...trust, algorithms: ["ES256"] })).toMatchObject(claims);
});

test("a key set's key for encryption signs nothing", () => {
  const jwk = { ...ec.publicKey.export({ format: "jwk" }), use: "enc" };
  expect(() => trustFromJwks(JSON.stringify({ keys: [jwk] }))).toThrow("no key");
});

test("certificates in a token: of an authority, not of itself or through one that is none", () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-jwt-"));
  const openssl = (...words: string[]) => {
    const ended = Bun.spawnSync(["openssl", ...words], { cwd: folder, stderr: "pipe" });
    if (ended.exitCode !== 0) throw new Error(ended.stderr.toString());
  };
  try {
    const key = (name: string) => {
      openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
    };
    for (const name of ["ca", "leaf", "below", "self"]) key(name);
    for (const name of ["ca", "self"])
      openssl(
        "req",
        "-x509",
        "-new",
        "-key",
        `${name}.key`,
        "-days",
        "2",
        "-subj",
        "/CN=authority",
        "-out",
        `${name}.crt`,
      );
    writeFileSync(join(folder, "leaf.ext"), "basicConstraints=CA:FALSE\n");
    const issue = (name: string, by: string) => {
      openssl("req", "-new", "-key", `${name}.key`, "-subj", `/CN=${name}`, "-out", `${name}.csr`);
      const from = ["-CA", `${by}.crt`, "-CAkey", `${by}.key`, "-CAcreateserial", "-extfile", "leaf.ext"];
      openssl("x509", "-req", "-in", `${name}.csr`, "-days", "2", ...from, "-out", `${name}.crt`);
    };
    issue("leaf", "ca");
    issue("below", "leaf");
    const text = (name: string) => readFileSync(join(folder, name), "utf8");
    const der = (name: string) => text(`${name}.crt`).replace(/-----[^-]+-----|\s/g, "");
    const authority = trustFromPem(text("ca.crt"));
    const token = (signer: string, ...chain: string[]) =>
      made({ alg: "ES256", x5c: chain.map(der) }, (data) =>
        sign("sha256", data, { key: text(`${signer}.key`), dsaEncoding: "ieee-p1363" }),
      );
    expect(verifyToken(token("leaf", "leaf"), authority)).toMatchObject(claims);
    expect(verifyToken(token("self", "self"), authority)).toBeUndefined();
    expect(verifyToken(token("below", "below", "leaf"), authority)).toBeUndefined();
    expect(verifyToken(token("self", "leaf"), authority)).toBeUndefined();
    expect(verifyToken(token("self", "self", "ca"), authority)).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
