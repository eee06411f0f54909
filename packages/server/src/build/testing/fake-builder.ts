import type { Builder, BuildRequest, ContextSource, FileSyncRequest, ProgressEvent } from "@berth/api/build";
import { notImplemented, nowNanoseconds, sha256 } from "@berth/base";

/** What a fake build saw, as texts. */
export interface Seen {
  request: BuildRequest;
  files: Record<string, string>;
  dockerfile: string;
}

/**
 * A builder that builds nothing: it reads Dockerfile and context through the interfaces that it is given, tells the
 * progress of two steps, and writes a small tar to each output. A Dockerfile with `FAIL` in it fails.
 */
export class FakeBuilder implements Builder {
  readonly seen: Seen[] = [];
  secrets: Record<string, string> = {};

  async build(request: BuildRequest, report: (event: ProgressEvent) => void, signal: AbortSignal) {
    const files = request.context === undefined ? {} : await contents(request.context, {}, signal);
    const source = request.dockerfile;
    const dockerfile =
      source.kind === "text"
        ? source.text
        : (source.source === undefined
            ? files
            : await contents(source.source, { follow: [source.path] }, signal))[source.path];
    if (dockerfile === undefined) throw new Error(`failed to read dockerfile: ${JSON.stringify(source)}`);
    this.seen.push({ request, files, dockerfile });
    const excerpt = { file: "Dockerfile", startLine: 2, endLine: 2, text: dockerfile.split("\n")[1] ?? "" };
    const step = { stage: "", number: 2, total: 2, text: "RUN echo hello", source: excerpt };
    const vertex = { digest: sha256("step"), name: "[2/2] RUN echo hello", inputs: [], cached: false, step };
    const started = nowNanoseconds();
    report({ type: "vertex", vertex: { ...vertex, started } });
    for (const [, id] of dockerfile.matchAll(/--mount=type=secret,id=(\w+)/g)) {
      const value = await request.secrets?.get(id as string, signal);
      if (value !== undefined) this.secrets[id as string] = new TextDecoder().decode(value);
    }
    const data = new TextEncoder().encode("hello\n");
    report({ type: "log", log: { vertex: vertex.digest, stream: 1, data, timestamp: nowNanoseconds() } });
    if (dockerfile.includes("FAIL")) {
      const message = 'process "/bin/sh -c false" did not complete successfully: exit code: 3';
      const times = { started, completed: nowNanoseconds() };
      report({ type: "vertex", vertex: { ...vertex, ...times, error: message } });
      throw Object.assign(new Error(message), { source: excerpt, vertexName: vertex.name });
    }
    if (dockerfile.includes("HANG")) {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => reject(signal.reason));
      await promise;
    }
    const result = sha256("layer");
    report({
      type: "vertex",
      vertex: { ...vertex, started, completed: nowNanoseconds(), result },
    });
    for (const { output } of request.exporters ?? []) {
      if (output?.kind === "stream") await output.write(smallTar(), signal);
    }
    const imageId = sha256("image");
    const exporterResponse = { "containerimage.config.digest": imageId, "containerimage.digest": imageId };
    return { ref: request.ref ?? "", imageId, digest: imageId, exporterResponse, steps: [] };
  }

  readonly configurations = new Set<string>();

  async prune(): Promise<never> {
    throw notImplemented("the fake builder keeps nothing");
  }
  async diskUsage() {
    return [];
  }
  history() {
    return [];
  }
  onHistory() {
    return { [Symbol.dispose]() {} };
  }
  removeHistory(): void {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

async function contents(
  source: ContextSource,
  request: Partial<FileSyncRequest>,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  if (source.kind === "sync") {
    await using transfer = await source.sync.open(
      { include: [], exclude: [], follow: [], ...request },
      signal,
    );
    const names: string[] = [];
    for await (const entry of transfer.entries()) {
      if ((entry.mode & 0o170000) === 0o100000 && entry.linkTarget === undefined) names.push(entry.path);
      else files[entry.path] = `mode ${entry.mode.toString(8)} ${entry.linkTarget ?? ""}`.trim();
    }
    await Promise.all(
      names.map(async (name) => {
        files[name] = await new Response(transfer.read(name)).text();
      }),
    );
  } else if (source.kind === "tar") {
    for (const [name, file] of await new Bun.Archive(await new Response(source.stream).bytes()).files()) {
      files[name] = await file.text();
    }
  } else if (source.kind === "folder") {
    for await (const name of new Bun.Glob("**/*").scan({ cwd: source.path, dot: true })) {
      files[name] = await Bun.file(`${source.path}/${name}`).text();
    }
  }
  return files;
}

/** A folder `out` with a file `out/hello.txt`. */
function smallTar(): ReadableStream<Uint8Array> {
  const header = (name: string, size: number, type: string, mode: string) => {
    const block = Buffer.alloc(512);
    block.write(name);
    block.write(`${mode}\0`, 100);
    block.write("0000000\0", 108);
    block.write("0000000\0", 116);
    block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
    block.write("14000000000\0", 136);
    block.write("        ", 148);
    block.write(type, 156);
    block.write("ustar\x0000", 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return block;
  };
  const content = Buffer.alloc(512);
  content.write("exported\n");
  const blocks = [
    header("out/", 0, "5", "0000755"),
    header("out/hello.txt", 9, "0", "0000644"),
    content,
    Buffer.alloc(1024),
  ];
  return new ReadableStream({
    start(controller) {
      for (const block of blocks) controller.enqueue(block);
      controller.close();
    },
  });
}
