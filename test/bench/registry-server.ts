/** Berth's registry beside Debian's docker-registry (in the column `docker`): the same client, taking turns. */
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  someContent,
  startUpload,
  withDigest,
} from "../conformance/registry/pusher.ts";
import { RegistryProcess } from "../conformance/registry/server.ts";
import { run, runOk } from "../harness/command.ts";
import { createScope, releaseScope } from "../harness/scope.ts";
import { median, type Row, type Settings } from "./suites.ts";

type Measured = (registry: RegistryProcess) => Promise<void>;

/** `total` times the action, `together` at once. */
async function hammer(total: number, together: number, action: () => Promise<void>): Promise<void> {
  let left = total;
  await Promise.all(
    Array.from({ length: together }, async () => {
      while (left-- > 0) await action();
    }),
  );
}

async function get(url: string, method = "GET"): Promise<void> {
  const response = await fetch(url, { method, headers: { Accept: OCI_MANIFEST } });
  if (response.status !== 200) throw new Error(`${method} ${url}: ${response.status}`);
  await response.arrayBuffer();
}

export async function registryServer(_targets: unknown, { runs, megabytes }: Settings): Promise<Row[]> {
  const scope = createScope();
  const registries = {
    berth: await RegistryProcess.start("berth", { flags: ["--access-log", "none"] }),
    docker: await RegistryProcess.start("docker-registry"),
  };
  try {
    const large = join(scope.directory, "large");
    await runOk(["sh", "-c", `head -c ${megabytes}M /dev/urandom > ${large}`]);
    const digest = `sha256:${(await runOk(["sha256sum", large])).stdout.split(" ")[0]}`;
    const images = new Map<RegistryProcess, string>();
    for (const each of Object.values(registries)) {
      const { layer } = await pushImage(each.url, "bench", "v1", 1 << 20);
      images.set(each, layer.digest);
    }
    const curl = async (...words: string[]) => {
      const answer = await run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", ...words], {
        seconds: 300,
      });
      if (!/^20[01]$/.test(answer.stdout)) throw new Error(`curl: ${answer.stdout} ${answer.stderr}`);
    };
    const rows: Row[] = [];
    const measure = async (title: string, count: number, action: Measured) => {
      const samples: Record<string, number[]> = { berth: [], docker: [] };
      for (let index = -1; index < count; index++) {
        for (const [name, registry] of Object.entries(registries)) {
          const started = performance.now();
          await action(registry);
          if (index >= 0) samples[name]!.push(performance.now() - started);
        }
      }
      const row: Row = { title: `registry: ${title}`, unit: "ms", values: {}, ranges: {} };
      for (const [name, values] of Object.entries(samples)) {
        row.values[name] = median(values);
        row.ranges![name] = [Math.min(...values), Math.max(...values)];
      }
      rows.push(row);
    };
    const few = Math.max(1, Math.min(3, runs));
    await measure("1,000 × HEAD of a manifest, 16 at once", few, ({ url }) =>
      hammer(1000, 16, () => get(`${url}/v2/bench/manifests/v1`, "HEAD")),
    );
    await measure("200 × GET of a blob of 1 MiB, 8 at once", few, (registry) =>
      hammer(200, 8, () => get(`${registry.url}/v2/bench/blobs/${images.get(registry)!}`)),
    );
    await measure("100 × push of a blob of 20 kB, 8 at once", few, ({ url }) =>
      hammer(100, 8, () => pushBlob(url, "bench", someContent(20_000))),
    );
    const size = `${Math.round(statSync(large).size / 2 ** 20)} MiB`;
    await measure(`push of ${size}`, few, async ({ url }) => {
      // Deleted first, so that it is always the first of its kind.
      await fetch(`${url}/v2/bench/blobs/${digest}`, { method: "DELETE" });
      await curl("-T", large, withDigest(await startUpload(url, "bench"), digest));
    });
    await measure(`GET of ${size}`, few, ({ url }) => curl(`${url}/v2/bench/blobs/${digest}`));
    return rows;
  } finally {
    for (const each of Object.values(registries)) await each[Symbol.asyncDispose]();
    releaseScope(scope);
  }
}
