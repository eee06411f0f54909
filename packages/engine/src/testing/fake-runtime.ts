import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { BerthError, nowNanoseconds, rfc3339Nano } from "@berth/base";
import type { ExecRequest, ExitRecord, Launch, Runtime, Shim, ShimStream } from "@berth/runtime";

/**
 * A stand-in for the kernel and the shims: it outlives the engine, as shims outlive the daemon.
 * Commands: `sleep` runs until a signal; `ignore` takes only SIGKILL; `exit N` ends at once; `nope` cannot be found;
 * `cat` gives back its input and ends with it.
 */
export class FakeWorld {
  readonly shims = new Map<string, FakeShim>();
  readonly exits = new Map<string, ExitRecord>();
  /** Containers launched and never ended nor abandoned, by now. */
  get running(): string[] {
    return [...this.shims.keys()];
  }
  launches = 0;
  /** Called at points where a test wants to act: `launched`, `started`. */
  onStep: ((step: string, id: string) => void | Promise<void>) | undefined;
  failLaunch: Error | undefined;
  nextPid = 1000;
}

export class FakeRuntime implements Runtime {
  readonly world: FakeWorld;
  /** The daemon that used it was killed: nothing reaches it any more. */
  dead = false;

  constructor(world: FakeWorld) {
    this.world = world;
  }

  announce(): void {}

  async launch(launch: Launch, descriptors: number[]): Promise<Shim> {
    const { world } = this;
    world.launches++;
    await Promise.resolve();
    if (descriptors.length > 0) throw new Error("the fake takes no descriptors");
    if (world.failLaunch) throw world.failLaunch;
    if (world.shims.has(launch.id)) throw new Error(`launched twice: ${launch.id}`);
    const shim = new FakeShim(world, launch);
    world.shims.set(launch.id, shim);
    await world.onStep?.("launched", launch.id);
    return shim.handle(this);
  }

  async recover(id: string): Promise<Shim | ExitRecord | undefined> {
    const shim = this.world.shims.get(id);
    if (shim?.started) return shim.handle(this);
    this.world.shims.delete(id);
    return this.world.exits.get(id);
  }

  async close(): Promise<void> {
    this.dead = true;
  }
}

export class FakeShim {
  readonly launch: Launch;
  readonly signals: number[] = [];
  readonly #world: FakeWorld;
  readonly #exit = Promise.withResolvers<ExitRecord>();
  readonly #streams: FakeStream[] = [];
  readonly execs = new Map<string, PromiseWithResolvers<number>>();
  started: { pid: number; startedAt: string } | undefined;
  frozen = false;

  constructor(world: FakeWorld, launch: Launch) {
    this.#world = world;
    this.launch = launch;
  }

  handle(runtime: FakeRuntime): Shim {
    const self = this;
    const alive = <T>(value: Promise<T>): Promise<T> =>
      value.then((result) => (runtime.dead ? new Promise<T>(() => {}) : result));
    return {
      id: this.launch.id,
      get started() {
        return self.started;
      },
      exited: alive(this.#exit.promise),
      attach: async () => this.#attach(),
      start: () => this.#start(),
      exec: (request) => this.#exec(request),
      kill: async (signal, execId) => {
        if (execId !== undefined) this.execs.get(execId)?.resolve(128 + signal);
        else this.signal(signal);
      },
      resize: async () => {},
      connectEndpoint: async () => {},
      disconnectEndpoint: async () => {},
      changePorts: async () => {},
      syncNetwork: async () => {},
      updateDns: async () => {},
      recorded: () => void this.#world.exits.delete(this.launch.id),
      abandon: async () => void this.#world.shims.delete(this.launch.id),
    };
  }

  print(text: string): void {
    for (const stream of this.#streams) stream.emit(Buffer.from(text));
    const { log } = this.launch;
    if (log.driver !== "json-file") return;
    mkdirSync(dirname(log.path), { recursive: true });
    const record = { log: text, stream: "stdout", time: rfc3339Nano(nowNanoseconds()) };
    writeFileSync(log.path, `${JSON.stringify(record)}\n`, { flag: "a" });
  }

  signal(signal: number): void {
    this.signals.push(signal);
    if (this.frozen && signal !== 9) return;
    const [command] = this.launch.spec.process.args;
    if (signal === 9 || (command !== "ignore" && signal !== 1)) this.end(128 + signal);
  }

  end(exitCode: number, oomKilled = false): void {
    if (!this.#world.shims.delete(this.launch.id)) return;
    const record: ExitRecord = { exitCode, oomKilled, finishedAt: rfc3339Nano(nowNanoseconds()) };
    this.#world.exits.set(this.launch.id, record);
    for (const stream of this.#streams) stream.close();
    for (const exec of this.execs.values()) exec.resolve(137);
    this.#exit.resolve(record);
  }

  #attach(): ShimStream {
    const stream = new FakeStream((chunk) => {
      if (this.launch.spec.process.args[0] === "cat") this.print(Buffer.from(chunk).toString());
    });
    stream.onInputEnd = () => {
      if (this.launch.spec.process.args[0] === "cat") this.end(0);
    };
    this.#streams.push(stream);
    return stream;
  }

  async #start(): Promise<{ pid: number; startedAt: string }> {
    await this.#world.onStep?.("starting", this.launch.id);
    const [command, argument] = this.launch.spec.process.args;
    if (command === "nope") {
      this.#world.shims.delete(this.launch.id);
      for (const stream of this.#streams) stream.close();
      throw new BerthError("invalid-parameter", "OCI runtime create failed: nope: not found", {
        exitCode: 127,
      });
    }
    const started = { pid: this.#world.nextPid++, startedAt: rfc3339Nano(nowNanoseconds()) };
    this.started = started;
    await this.#world.onStep?.("started", this.launch.id);
    if (command === "exit") queueMicrotask(() => this.end(Number(argument)));
    if (command === "hello") {
      this.print("hello\n");
      queueMicrotask(() => this.end(0));
    }
    return started;
  }

  async #exec(request: ExecRequest): Promise<{ pid: number; stream: ShimStream; exited: Promise<number> }> {
    const [command, argument] = request.args;
    if (command === "nope") {
      throw new BerthError("invalid-parameter", "OCI runtime exec failed: nope", { exitCode: 127 });
    }
    const exit = Promise.withResolvers<number>();
    const stream = new FakeStream(() => {});
    this.execs.set(request.id, exit);
    if (command === "exit") queueMicrotask(() => exit.resolve(Number(argument)));
    if (command === "env") {
      queueMicrotask(() => {
        stream.emit(frame(request.env.join("\n")));
        exit.resolve(0);
      });
    }
    void exit.promise.then(() => {
      this.execs.delete(request.id);
      stream.close();
    });
    return { pid: this.#world.nextPid++, stream, exited: exit.promise };
  }
}

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

class FakeStream implements ShimStream {
  readonly #onWrite: (chunk: Uint8Array) => void;
  readonly #data: ((chunk: Uint8Array) => void)[] = [];
  readonly #end: (() => void)[] = [];
  readonly #kept: Uint8Array[] = [];
  #closed = false;
  onInputEnd: (() => void) | undefined;

  constructor(onWrite: (chunk: Uint8Array) => void) {
    this.#onWrite = onWrite;
  }

  emit(chunk: Uint8Array): void {
    if (this.#data.length === 0) this.#kept.push(chunk);
    for (const listener of this.#data) listener(chunk);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const listener of this.#end) listener();
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data.push(listener);
    for (const chunk of this.#kept.splice(0)) listener(chunk);
  }

  onEnd(listener: () => void): void {
    if (this.#closed) listener();
    else this.#end.push(listener);
  }

  write(chunk: Uint8Array): boolean {
    this.#onWrite(chunk);
    return true;
  }

  onDrain(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {
    this.onInputEnd?.();
  }
  destroy(): void {
    this.close();
  }
}
