/** What a build leaves elsewhere: layouts, files with what is said about them, caches; and what pruning leaves of the cache. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { build, buildOk, project } from "../harness/project.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth", images: ["busybox"] });
}, 120_000);
afterAll(() => daemon?.stop(), 60_000);

const SECONDS = 120_000;
const text = (result: { stdout: string; stderr: string }) => result.stdout + result.stderr;
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const blob = (layout: string, digest: string) => json(layout, "blobs/sha256", digest.replace("sha256:", ""));

async function layout(folder: string, name: string, attributes: string): Promise<string> {
  const dest = join(folder, name);
  await buildOk(daemon, folder, ["-o", `type=oci,tar=false,dest=${dest},${attributes}`]);
  return dest;
}

describe("layouts", () => {
  test(
    "annotations of every kind, and zstd with OCI's media types",
    async () => {
      const folder = project(daemon, { Dockerfile: "FROM busybox\nCOPY f /f\n", f: "1" });
      const made = await layout(
        folder,
        "annotated",
        "compression=zstd,force-compression=true,annotation.a=1,annotation-index.b=2,annotation-manifest-descriptor.c=3,annotation-index-descriptor.d=4",
      );
      const [entry] = json(made, "index.json").manifests;
      expect(entry.annotations).toMatchObject({ d: "4" });
      const index = blob(made, entry.digest);
      expect(index.annotations).toEqual({ b: "2" });
      expect(index.manifests[0].annotations).toEqual({ c: "3" });
      const manifest = blob(made, index.manifests[0].digest);
      expect(manifest.annotations).toEqual({ a: "1" });
      const types = new Set(manifest.layers.map((layer: { mediaType: string }) => layer.mediaType));
      expect([...types]).toEqual(["application/vnd.oci.image.layer.v1.tar+zstd"]);
    },
    SECONDS,
  );

  test(
    "layers of the base that are compressed stay as they are unless all shall be alike",
    async () => {
      const base = project(daemon, { Dockerfile: "FROM scratch\nCOPY g /g\n", g: "2" });
      const gzip = await layout(base, "gzip", "name=example.com/base:1");
      const folder = project(daemon, { Dockerfile: "FROM base\nCOPY f /f\n", f: "1" });
      const typesOf = async (name: string, more: string) => {
        const dest = join(folder, name);
        const output = `type=oci,tar=false,dest=${dest},compression=zstd${more}`;
        await buildOk(daemon, folder, ["--build-context", `base=oci-layout://${gzip}:1`, "-o", output]);
        const manifest = blob(dest, json(dest, "index.json").manifests[0].digest);
        return manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType.split("+")[1]);
      };
      expect(await typesOf("kept", "")).toEqual(["gzip", "zstd"]);
      expect(await typesOf("forced", ",force-compression=true")).toEqual(["zstd", "zstd"]);
    },
    SECONDS,
  );

  test(
    "BUILDKIT_MULTI_PLATFORM asks for an index; attributes that are wrong are refused",
    async () => {
      const folder = project(daemon, { Dockerfile: "FROM busybox\n" });
      const dest = join(folder, "multi");
      const output = ["-o", `type=oci,tar=false,dest=${dest}`];
      await buildOk(daemon, folder, ["--build-arg", "BUILDKIT_MULTI_PLATFORM=1", ...output]);
      expect(json(dest, "index.json").manifests[0].mediaType).toContain("image.index");
      for (const [attributes, reason] of [
        ["compression=estargz", "unsupported layer compression type estargz"],
        ["force-compression=maybe", "non-bool value maybe specified for force-compression"],
      ]) {
        const failed = await build(daemon, folder, ["-o", `type=oci,dest=${dest}.tar,${attributes}`]);
        expect(failed.exitCode).not.toBe(0);
        expect(text(failed)).toContain(reason as string);
      }
    },
    SECONDS,
  );
});

test(
  "files come with what is said about them: packages of the result and of stages, and where it comes from",
  async () => {
    const Dockerfile =
      "FROM busybox AS build\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nRUN echo 1 > /out\nFROM scratch\nCOPY --from=build /out /out\n";
    const folder = project(daemon, { Dockerfile });
    const dest = join(folder, "dest");
    const say = ["--sbom=true", "--provenance=mode=max,builder-id=https://ci.example.com"];
    await buildOk(daemon, folder, [...say, "-o", `type=local,dest=${dest},attestation-prefix=about-`]);
    expect(readdirSync(dest).sort()).toEqual([
      "about-provenance.json",
      "about-sbom-build.spdx.json",
      "about-sbom.spdx.json",
      "out",
    ]);
    const { subject, predicate } = json(dest, "about-provenance.json");
    const digest = new Bun.CryptoHasher("sha256").update("1\n").digest("hex");
    expect(subject).toEqual([{ name: "out", digest: { sha256: digest } }]);
    expect(predicate.builder.id).toBe("https://ci.example.com");
    const [info] = predicate.metadata["https://mobyproject.org/buildkit@v1#metadata"].source.infos;
    expect(Buffer.from(info.data, "base64").toString()).toBe(Dockerfile);
    const newer = join(folder, "newer");
    await buildOk(daemon, folder, ["--provenance=version=v1", "-o", `type=local,dest=${newer}`]);
    expect(json(newer, "provenance.json")).toMatchObject({
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: { buildDefinition: { internalParameters: { builderPlatform: "linux/amd64" } } },
    });
  },
  SECONDS,
);

describe("the cache", () => {
  test(
    "cache mounts travel when they are asked to",
    async () => {
      const file = (command: string) =>
        `FROM busybox\nRUN --mount=type=cache,target=/root/.cache,id=travels ${command}\n`;
      const folder = project(daemon, {
        Dockerfile: file("mkdir /root/.cache/d && echo kept > /root/.cache/d/f"),
      });
      const cache = join(folder, "cache");
      await buildOk(daemon, folder, ["--cache-to", `type=local,dest=${cache},cache-mounts=true`]);
      await daemon.run(["berth", "builder", "prune", "-af"]);
      const other = project(daemon, { Dockerfile: file("cat /root/.cache/d/f > /seen || true") });
      await buildOk(daemon, other, ["-t", "travelled", "--cache-from", `type=local,src=${cache}`]);
      expect(await daemon.out("run", "--rm", "travelled", "cat", "/seen")).toBe("kept");
    },
    SECONDS,
  );

  test(
    "a cache that is damaged costs time, and nothing else",
    async () => {
      const folder = project(daemon, { Dockerfile: "FROM busybox\nRUN echo x > /x\n" });
      const cache = join(folder, "cache");
      await buildOk(daemon, folder, ["--cache-to", `type=local,dest=${cache}`]);
      await daemon.run(["berth", "builder", "prune", "-af"]);
      const [largest] = readdirSync(join(cache, "blobs/sha256")).filter(
        (name) =>
          readFileSync(join(cache, "blobs/sha256", name))
            .subarray(0, 4)
            .toString("hex") === "28b52ffd",
      );
      await Bun.write(join(cache, "blobs/sha256", largest as string), "damaged");
      await buildOk(daemon, folder, ["-t", "mended", "--cache-from", `type=local,src=${cache}`]);
      expect(await daemon.out("run", "--rm", "mended", "cat", "/x")).toBe("x");
    },
    SECONDS,
  );

  test(
    "pruning leaves what images share, and takes cache mounts",
    async () => {
      const Dockerfile =
        "FROM busybox AS a\nRUN --mount=type=cache,target=/c,id=pruned echo 1 > /c/f && echo a > /a\nFROM busybox\nRUN echo kept > /k\nCOPY --from=a /a /a\n";
      const folder = project(daemon, { Dockerfile });
      await buildOk(daemon, folder, ["-t", "shares"]);
      await daemon.run(["berth", "builder", "prune", "-f"]);
      const listed = text(await daemon.run(["berth", "buildx", "du", "--verbose"]));
      expect(listed).not.toContain("exec.cachemount");
      expect(listed).not.toContain("[a 2/2]");
      expect(listed).toContain("RUN echo kept");
      await daemon.run(["berth", "builder", "prune", "-af"]);
      expect(text(await daemon.run(["berth", "buildx", "du", "--verbose"]))).not.toContain("RUN echo kept");
      expect(await daemon.out("run", "--rm", "shares", "cat", "/k", "/a")).toBe("kept\na");
    },
    SECONDS,
  );
});
