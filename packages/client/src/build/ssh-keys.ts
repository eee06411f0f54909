import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

/** A private key of a file, and its name and blob as SSH writes them. */
export interface SshKey {
  key: KeyObject;
  type: string;
  /** The public key. */
  blob: Uint8Array;
  comment: string;
}

const MAGIC = "openssh-key-v1\0";
const FAILURE = Uint8Array.of(5);
const MESSAGE = { requestIdentities: 11, identities: 12, signRequest: 13, signature: 14 } as const;
/** So large may a message to an agent be. */
const MESSAGE_LIMIT = 256 << 10;
const SHA256_FLAG = 2;
const SHA512_FLAG = 4;

const CURVES: Readonly<Record<string, { crv: string; size: number; hash: string }>> = {
  nistp256: { crv: "P-256", size: 32, hash: "sha256" },
  nistp384: { crv: "P-384", size: 48, hash: "sha384" },
  nistp521: { crv: "P-521", size: 66, hash: "sha512" },
};

/** Reads a private key in OpenSSH's own form or as PEM. @throws Error with the reason. */
export function readSshKey(text: string): SshKey {
  const found = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text);
  if (found !== null) return readOpenSsh(Buffer.from((found[1] as string).replace(/\s/g, ""), "base64"));
  if (!text.includes("PRIVATE KEY-----")) throw new Error("ssh: no key found");
  if (/ENCRYPTED/.test(text)) throw new Error("ssh: this private key is passphrase protected");
  return keyOf(createPrivateKey(text), "");
}

function readOpenSsh(data: Buffer): SshKey {
  if (data.toString("latin1", 0, MAGIC.length) !== MAGIC)
    throw new Error("ssh: invalid openssh private key format");
  const outer = new Reader(data.subarray(MAGIC.length));
  const cipher = outer.text();
  outer.string();
  outer.string();
  if (cipher !== "none") throw new Error("ssh: this private key is passphrase protected");
  if (outer.number() !== 1) throw new Error("ssh: multi-key files are not supported");
  outer.string();
  const inner = new Reader(outer.string());
  const [check, same] = [inner.number(), inner.number()];
  if (check !== same) throw new Error("ssh: malformed OpenSSH key");
  const type = inner.text();
  const jwk = privateJwk(type, inner);
  return keyOf(createPrivateKey({ key: jwk, format: "jwk" }), inner.text());
}

const url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

function privateJwk(type: string, reader: Reader): Record<string, string> {
  if (type === "ssh-ed25519") {
    const x = reader.string();
    return { kty: "OKP", crv: "Ed25519", x: url(x), d: url(reader.string().subarray(0, 32)) };
  }
  if (type === "ssh-rsa") {
    const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => reader.string()) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const remainder = (prime: Buffer) => fromInteger(integer(d) % (integer(prime) - 1n));
    const parts = { n, e, d, p, q, dp: remainder(p), dq: remainder(q), qi };
    return {
      kty: "RSA",
      ...Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, url(unpadded(bytes))])),
    };
  }
  const curve = CURVES[type.replace(/^ecdsa-sha2-/, "")];
  if (curve === undefined) throw new Error(`ssh: unhandled key type ${JSON.stringify(type)}`);
  reader.string();
  const point = reader.string();
  const d = unpadded(reader.string());
  const { crv, size } = curve;
  const full = Buffer.concat([Buffer.alloc(size - d.length), d]);
  return {
    kty: "EC",
    crv,
    x: url(point.subarray(1, 1 + size)),
    y: url(point.subarray(1 + size)),
    d: url(full),
  };
}

function keyOf(key: KeyObject, comment: string): SshKey {
  const jwk = createPublicKey(key).export({ format: "jwk" });
  const part = (name: "x" | "y" | "n" | "e") => Buffer.from(jwk[name] ?? "", "base64url");
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const type = "ssh-ed25519";
    return { key, type, comment, blob: Buffer.concat([string(type), string(part("x"))]) };
  }
  if (jwk.kty === "RSA") {
    const type = "ssh-rsa";
    return {
      key,
      type,
      comment,
      blob: Buffer.concat([string(type), multiple(part("e")), multiple(part("n"))]),
    };
  }
  const [name] = Object.entries(CURVES).find(([, { crv }]) => crv === jwk.crv) ?? [];
  if (name === undefined) throw new Error(`ssh: unsupported key type ${jwk.kty}`);
  const type = `ecdsa-sha2-${name}`;
  const point = Buffer.concat([Buffer.from([4]), part("x"), part("y")]);
  return { key, type, comment, blob: Buffer.concat([string(type), string(name), string(point)]) };
}

/** Answers an agent's requests with these keys: it lists them and signs, and refuses all else. */
export function answerAgent(keys: readonly SshKey[], request: Uint8Array): Uint8Array {
  try {
    if (request[0] === MESSAGE.requestIdentities) {
      const count = Buffer.alloc(4);
      count.writeUInt32BE(keys.length);
      const each = keys.map(({ blob, comment }) => Buffer.concat([string(blob), string(comment)]));
      return Buffer.concat([Buffer.from([MESSAGE.identities]), count, ...each]);
    }
    if (request[0] !== MESSAGE.signRequest) return FAILURE;
    const reader = new Reader(Buffer.from(request.subarray(1)));
    const blob = reader.string();
    const data = reader.string();
    const flags = reader.number();
    const found = keys.find((each) => blob.equals(each.blob));
    if (found === undefined) return FAILURE;
    return Buffer.concat([Buffer.from([MESSAGE.signature]), string(signature(found, data, flags))]);
  } catch {
    return FAILURE;
  }
}

function signature({ key, type }: SshKey, data: Uint8Array, flags: number): Uint8Array {
  if (type === "ssh-ed25519") return Buffer.concat([string(type), string(sign(null, data, key))]);
  if (type === "ssh-rsa") {
    const [name, hash] =
      flags & SHA512_FLAG
        ? ["rsa-sha2-512", "sha512"]
        : flags & SHA256_FLAG
          ? ["rsa-sha2-256", "sha256"]
          : ["ssh-rsa", "sha1"];
    return Buffer.concat([string(name), string(sign(hash, data, key))]);
  }
  const { hash, size } = CURVES[type.replace(/^ecdsa-sha2-/, "")] as { hash: string; size: number };
  const both = sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
  return Buffer.concat([
    string(type),
    string(Buffer.concat([multiple(both.subarray(0, size)), multiple(both.subarray(size))])),
  ]);
}

/** Requests of an agent's protocol, cut from the bytes of a connection. */
export class AgentRequests {
  #held: Buffer = Buffer.alloc(0);

  /** @throws Error for one that is too large. */
  push(data: Uint8Array): Uint8Array[] {
    this.#held = Buffer.concat([this.#held, data]);
    const found: Uint8Array[] = [];
    while (this.#held.length >= 4) {
      const length = this.#held.readUInt32BE(0);
      if (length === 0 || length > MESSAGE_LIMIT) throw new Error("agent: message too large");
      if (this.#held.length < 4 + length) break;
      found.push(this.#held.subarray(4, 4 + length));
      this.#held = this.#held.subarray(4 + length);
    }
    return found;
  }
}

/** The answer with its length in front. */
export function framed(answer: Uint8Array): Uint8Array {
  return string(answer);
}

class Reader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  number(): number {
    this.#at += 4;
    return this.#data.readUInt32BE(this.#at - 4);
  }

  string(): Buffer {
    const length = this.number();
    if (length > this.#data.length - this.#at) throw new Error("ssh: malformed OpenSSH key");
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.string().toString("utf8");
  }
}

function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A number without leading zeros, and one where it would be negative. */
function multiple(value: Uint8Array): Buffer {
  const bytes = unpadded(value);
  return string((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function unpadded(bytes: Uint8Array): Buffer {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  return Buffer.from(bytes.subarray(at));
}

function integer(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function fromInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}
