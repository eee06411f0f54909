/** Large images as docker-archives: one of four large layers, one of a layer with many small files. Made once a machine. */
import { createHash, type Hash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const CACHE = process.env.BERTH_BENCH_IMAGES ?? join(homedir(), ".cache/berth-bench");
const MIB = 1 << 20;
const LAYERS = 4;
/** Files of a large layer. */
const FILES = 8;

export interface BenchImage {
  name: string;
  /** docker-archive. */
  archive: string;
  /** The layers alone, as tar. */
  layers: string[];
}

/** Four layers of `megabytes` in all, which compress to a half as programs do. */
export function largeImage(megabytes: number): BenchImage {
  const each = Math.floor(megabytes / LAYERS / FILES);
  return image(`large-${megabytes}`, LAYERS, (layer, put) => {
    for (let file = 0; file < FILES; file++)
      put(`layer${layer}/file${file}`, each * MIB, noise(layer * FILES + file));
  });
}

/** One layer of `files` files of 100 to 2,100 bytes in folders of a hundred. Each `variant` has other ones. */
export function smallFilesImage(files: number, variant: number): BenchImage {
  return image(`files-${files}-${variant}`, 1, (_layer, put) => {
    const next = random(7 + variant);
    for (let n = 0; n < files; n++) {
      const size = 100 + (next() % 2000);
      put(`tree/${Math.floor(n / 10_000)}/${Math.floor(n / 100)}/file${n}.txt`, size, () =>
        TEXT.subarray(0, size),
      );
    }
  });
}

const TEXT = Buffer.alloc(4096, "The quick brown fox jumps over the lazy dog. ");

function random(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Pieces of which every other 4 KiB are random. */
function noise(seed: number): (length: number) => Uint8Array {
  const next = random(seed + 1);
  const words = new Uint32Array(MIB / 4);
  const bytes = new Uint8Array(words.buffer);
  return (length) => {
    for (let block = 0; block < MIB; block += 8192) {
      for (let at = block / 4; at < (block + 4096) / 4; at++) words[at] = next();
    }
    return bytes.subarray(0, length);
  };
}

type Put = (name: string, size: number, piece: (length: number) => Uint8Array) => void;

function image(name: string, layers: number, fill: (layer: number, put: Put) => void): BenchImage {
  const folder = join(CACHE, name);
  const result: BenchImage = {
    name: `bench/${name}:1`,
    archive: join(folder, "image.tar"),
    layers: Array.from({ length: layers }, (_, layer) => join(folder, `layer${layer}.tar`)),
  };
  if (existsSync(result.archive)) return result;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const diffIds = result.layers.map((path, layer) => {
    const tar = new TarFile(path);
    fill(layer, (file, size, piece) => tar.add(file, size, piece));
    return `sha256:${tar.end()}`;
  });
  const config = Buffer.from(
    JSON.stringify({
      created: "2024-01-02T03:04:05Z",
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["/bin/true"] },
      rootfs: { type: "layers", diff_ids: diffIds },
      history: diffIds.map((_, n) => ({ created: "2024-01-02T03:04:05Z", created_by: `layer ${n}` })),
    }),
  );
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  const temporary = `${result.archive}.tmp`;
  const archive = new TarFile(temporary);
  archive.add(configName, config.length, () => config);
  const manifest = Buffer.from(
    JSON.stringify([
      { Config: configName, RepoTags: [result.name], Layers: result.layers.map((_, n) => `${n}/layer.tar`) },
    ]),
  );
  archive.add("manifest.json", manifest.length, () => manifest);
  for (const [n, path] of result.layers.entries()) {
    const bytes = Bun.mmap(path);
    let at = 0;
    archive.add(`${n}/layer.tar`, bytes.length, (length) => {
      at += length;
      return bytes.subarray(at - length, at);
    });
  }
  archive.end();
  renameSync(temporary, result.archive);
  return result;
}

/** A ustar archive of files. */
class TarFile {
  readonly #fd: number;
  readonly #hash: Hash = createHash("sha256");

  constructor(path: string) {
    this.#fd = openSync(path, "w");
  }

  add(name: string, size: number, piece: (length: number) => Uint8Array): void {
    const header = Buffer.alloc(512);
    const put = (text: string, at: number) => header.write(text, at, "latin1");
    put(name, 0);
    put("0000644\x000000000\x000000000\0", 100);
    put(`${size.toString(8).padStart(11, "0")}\x0014554560000\0        0`, 124);
    put("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    this.#write(header);
    for (let left = size; left > 0; ) {
      const bytes = piece(Math.min(left, MIB));
      this.#write(bytes);
      left -= bytes.length;
    }
    this.#write(Buffer.alloc((512 - (size % 512)) % 512));
  }

  /** @returns the digest in hex. */
  end(): string {
    this.#write(Buffer.alloc(1024));
    closeSync(this.#fd);
    return this.#hash.digest("hex");
  }

  #write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }
}
