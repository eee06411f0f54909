import { existsSync } from "node:fs";
import { connect } from "node:net";
import type { ObjectStore } from "@berth/registry/server";
import type { Config } from "./config/options.ts";
import type { Check } from "./config/structures.ts";

type Probe = (check: Check) => Promise<void>;

/** The checks of the configuration (`health`), each at its interval. While one fails the registry answers 503. */
export class Health implements Disposable {
  readonly #failing = new Map<string, string>();
  readonly #timers: Timer[] = [];

  constructor(config: Config, store: ObjectStore) {
    const storage: Probe = () => store.check();
    for (const check of config.healthStorage) this.#watch("storagedriver", check, storage);
    for (const check of config.healthFiles) this.#watch(check.target, check, fileIsAbsent);
    for (const check of config.healthHttp) this.#watch(check.target, check, urlAnswers);
    for (const check of config.healthTcp) this.#watch(check.target, check, somebodyListens);
  }

  /** What fails, by name. */
  get failing(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#failing);
  }

  get isWell(): boolean {
    return this.#failing.size === 0;
  }

  #watch(name: string, check: Check, probe: Probe): void {
    if (!check.enabled) return;
    let failures = 0;
    let isRunning = false;
    const look = async () => {
      if (isRunning) return;
      isRunning = true;
      try {
        await probe(check);
        failures = 0;
        this.#failing.delete(name);
      } catch (error) {
        if (++failures >= check.threshold) this.#failing.set(name, (error as Error).message);
      } finally {
        isRunning = false;
      }
    };
    void look();
    this.#timers.push(setInterval(() => void look(), check.interval));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

async function fileIsAbsent({ target }: Check): Promise<void> {
  if (existsSync(target)) throw new Error("file exists");
}

async function urlAnswers({ target, timeout, statuscode, headers }: Check): Promise<void> {
  const response = await fetch(target, {
    method: "HEAD",
    headers: Object.entries(headers).flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    ),
    signal: AbortSignal.timeout(Math.max(1, timeout)),
    redirect: "manual",
  }).catch(() => {
    throw new Error(`error while checking: ${target}`);
  });
  if (response.status !== statuscode)
    throw new Error(`downstream service returned unexpected status: ${response.status}`);
}

async function somebodyListens({ target, timeout }: Check): Promise<void> {
  const match = /^(?:\[(.+)\]|(.*)):(\d+)$/.exec(target);
  if (match === null) throw new Error(`${target} is not an address`);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: match[1] ?? match[2] ?? "", port: Number(match[3]) });
    const end = (error?: Error) => {
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.setTimeout(Math.max(1, timeout), () => end(new Error(`connection to ${target} timed out`)));
    socket.once("connect", () => end());
    socket.once("error", () => end(new Error(`connection to ${target} failed`)));
  });
}
