import { expect, test } from "bun:test";
import { BerthError, sha256 } from "@berth/base";
import { chainIds, parseImageConfig } from "./image-config.ts";
import { isManifest, MAX_LAYERS, parseIndex, parseManifest, parseManifestOrIndex } from "./manifest.ts";
import { layerCompression, MEDIA_TYPE } from "./media-types.ts";

const D = sha256("x");
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const layer = { mediaType: MEDIA_TYPE.ociLayerGzip, digest: D, size: 3 };
const manifest = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPE.ociManifest,
  config: { mediaType: MEDIA_TYPE.ociConfig, digest: D, size: 2 },
  layers: [layer],
};
const index = {
  schemaVersion: 2,
  manifests: [
    {
      mediaType: MEDIA_TYPE.ociManifest,
      digest: D,
      size: 5,
      platform: { os: "linux", architecture: "arm", variant: "v7", "os.version": "1" },
      annotations: { a: "b" },
    },
  ],
};
const config = {
  architecture: "amd64",
  os: "linux",
  config: {
    Cmd: ["sh"],
    Env: null,
    ExposedPorts: { "80/tcp": {} },
    Labels: { __proto__x: "1" },
    Entrypoint: "/bin/x",
  },
  rootfs: { type: "layers", diff_ids: [D] },
  history: [{ created_by: "x", empty_layer: true }],
  unknown: 1,
};

test("manifests and indexes", () => {
  expect(parseManifest(bytes(manifest))).toEqual(manifest as never);
  expect(parseIndex(bytes(index)).manifests[0]!.platform).toEqual({
    os: "linux",
    architecture: "arm",
    variant: "v7",
    osVersion: "1",
  });
  expect(isManifest(parseManifestOrIndex(bytes({ ...manifest, mediaType: undefined })))).toBe(true);
  expect(() => parseManifest(bytes(index))).toThrow("is an index");
  expect(() => parseIndex(bytes(manifest))).toThrow("is a manifest");
});

test.each([
  [{ ...manifest, manifests: [] }, "both a manifest and an index"],
  [{ ...manifest, mediaType: MEDIA_TYPE.ociIndex }, "an index with layers"],
  [{ ...manifest, schemaVersion: 1 }, "only schemaVersion 2"],
  [{ ...manifest, layers: [{ ...layer, size: -1 }] }, "manifest: layers[0]: size: must be at least 0"],
  [{ ...manifest, layers: [{ ...layer, size: 1.5 }] }, "expected an integer"],
  [{ ...manifest, layers: [{ ...layer, digest: "sha256:../../x" }] }, "expected a sha256 digest"],
  [{ ...manifest, layers: {} }, "expected a list"],
  [{ ...manifest, layers: Array(MAX_LAYERS + 1).fill(layer) }, "more than 127 members"],
  [{ ...manifest, mediaType: "text/html" }, "unsupported mediaType"],
  [[], "expected an object"],
  ["x", "expected an object"],
])("refuses %#", (value, message) => {
  expect(() => parseManifestOrIndex(bytes(value))).toThrow(message);
});

test("a declared type is held against the document", () => {
  expect(() => parseManifest(bytes(manifest), MEDIA_TYPE.dockerManifest)).toThrow("its mediaType is");
});

test("image configurations", () => {
  const read = parseImageConfig(bytes(config));
  expect(read.config?.Entrypoint).toEqual(["/bin/x"]);
  expect(read.config?.Env).toBeNull();
  expect(read.history).toEqual([{ created_by: "x", empty_layer: true }]);
  expect(read).not.toHaveProperty("unknown");
  expect(() => parseImageConfig(bytes({ ...config, rootfs: undefined }))).toThrow("type must be layers");
  expect(() => parseImageConfig(bytes({ ...config, config: { Env: [1] } }))).toThrow(
    "image configuration: config: Env[0]: expected a text",
  );
  expect(() => parseImageConfig(Buffer.from([0x7b, 0xff]))).toThrow("not valid JSON");
  expect(() => parseImageConfig(Buffer.alloc(9 << 20, 32))).toThrow("larger than");
  expect(
    parseImageConfig(Buffer.from('{"rootfs":{"type":"layers"},"config":{"Labels":{"__proto__":"x"}}}'))
      .config!.Labels!,
  ).toHaveProperty("__proto__", "x");
});

test("chain ids of the OCI specification's rule", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => sha256(text)) as [typeof D, typeof D, typeof D];
  expect(chainIds([])).toEqual([]);
  expect(chainIds([a, b, c])).toEqual([a, sha256(`${a} ${b}`), sha256(`${sha256(`${a} ${b}`)} ${c}`)]);
});

test("layer types", () => {
  expect(layerCompression("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")).toBe("gzip");
  expect(layerCompression("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")).toBe("gzip");
  expect(layerCompression(MEDIA_TYPE.ociLayerZstd)).toBe("zstd");
  expect(layerCompression(MEDIA_TYPE.ociConfig)).toBeUndefined();
});

test("mutated documents give a result or a BerthError, nothing else", () => {
  const originals = [manifest, index, config].map((value) => JSON.stringify(value));
  const junk = ["null", "[]", "{}", "1e999", '"x"', "-1", "true", "[[[[", '{"a":', ""];
  let state = 12345;
  const next = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
  for (let round = 0; round < 6000; round++) {
    const text = originals[next(3)]!;
    const from = next(text.length);
    const to = from + next(12);
    const data = Buffer.from(text.slice(0, from) + junk[next(junk.length)] + text.slice(to));
    for (const parse of [parseManifestOrIndex, parseImageConfig]) {
      try {
        parse(data);
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
      }
    }
  }
});
