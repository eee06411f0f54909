import { describe, expect, test } from "bun:test";
import type { Hijacked } from "@berth/client";
import type { Context } from "../context.ts";
import { inputOf } from "../io/stdin.ts";
import { memoryOutput } from "../testing/memory-output.ts";
import { DEFAULT_DETACH_KEYS, DetachWatch, parseDetachKeys } from "./detach-keys.ts";
import { startSession } from "./session.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("detach keys", () => {
  test.each([
    ["ctrl-p,ctrl-q", [16, 17]],
    ["ctrl-@", [0]],
    ["a,b", [97, 98]],
    ["ctrl-[,ctrl-],ctrl-\\,ctrl-_,ctrl-^", [27, 29, 28, 31, 30]],
    ["DEL", [127]],
    ["CTRL-Z", [26]],
  ])("%s", (text, keys) => {
    expect(parseDetachKeys(text)).toEqual(keys);
  });

  test.each(["", "ctrl-", "ctrl-pp", "foo", "ctrl-p,"])("%p is refused", (text) => {
    expect(() => parseDetachKeys(text)).toThrow("Unknown character");
  });

  test("are found however they are typed; what only looked like them is sent", () => {
    const whole = Uint8Array.from([97, 16, 16, 98, 16, 16, 17, 99]);
    for (let size = 1; size <= whole.length; size++) {
      const watch = new DetachWatch(DEFAULT_DETACH_KEYS);
      const sent: number[] = [];
      let detached = false;
      for (let at = 0; at < whole.length && !detached; at += size) {
        const taken = watch.take(whole.subarray(at, at + size));
        sent.push(...taken.send);
        detached = taken.detached;
      }
      expect({ sent, detached }).toEqual({ sent: [97, 16, 16, 98, 16], detached: true });
    }
  });
});

function frame(stream: number, text: string): Uint8Array {
  const payload = bytes(text);
  return Uint8Array.from([stream, 0, 0, 0, 0, 0, 0, payload.length, ...payload]);
}

/** A daemon's end: says `output`, and goes on only after our input ended when `afterInput`. */
function stream(output: readonly Uint8Array[], afterInput = false) {
  const sent: Uint8Array[] = [];
  let inputEnded!: () => void;
  const ended = new Promise<void>((resolve) => {
    inputEnded = resolve;
  });
  let destroyed = false;
  const hijacked = {
    sent,
    get destroyed() {
      return destroyed;
    },
    async *[Symbol.asyncIterator]() {
      if (afterInput) await ended;
      yield* output;
    },
    async write(chunk: Uint8Array) {
      sent.push(chunk.slice());
    },
    closeWrite: () => inputEnded(),
    destroy: () => {
      destroyed = true;
    },
  };
  return hijacked as unknown as Hijacked & typeof hijacked;
}

function context(input: readonly Uint8Array[]) {
  const [stdout, stderr] = [memoryOutput(1), memoryOutput(2)];
  const made = { stdin: inputOf(input), stdout, stderr, isTerminal: async () => false };
  return { context: made as unknown as Context, stdout, stderr };
}

const ALL = { tty: false, stdin: true, stdout: true, stderr: true, detachKeys: DEFAULT_DETACH_KEYS };

describe("session", () => {
  test("parts stdout from stderr, and half-closes after the input", async () => {
    const far = stream([frame(1, "out"), frame(2, "err")], true);
    const { context: near, stdout, stderr } = context([bytes("in"), bytes("put")]);
    const session = await startSession(near, far, ALL);
    expect(await session.done).toBe("ended");
    expect([stdout.text(), stderr.text(), Buffer.concat(far.sent).toString()]).toEqual([
      "out",
      "err",
      "input",
    ]);
    expect(far.destroyed).toBe(true);
  });

  test("drops what is not attached", async () => {
    const far = stream([frame(1, "out"), frame(2, "err")]);
    const { context: near, stdout, stderr } = context([]);
    await (await startSession(near, far, { ...ALL, stdin: false, stdout: false })).done;
    expect([stdout.text(), stderr.text()]).toEqual(["", "err"]);
  });

  test("ends at once when the detach keys are typed", async () => {
    const far = stream([], true);
    const { context: near } = context([bytes("a\x10"), bytes("\x11b")]);
    const session = await startSession(near, far, { ...ALL, tty: true });
    expect(await session.done).toBe("detached");
    expect(Buffer.concat(far.sent).toString()).toBe("a");
    expect(far.destroyed).toBe(true);
  });

  test("tells a failure that the daemon sends in the stream", async () => {
    const session = await startSession(context([]).context, stream([frame(3, "broke")]), {
      ...ALL,
      stdin: false,
    });
    await expect(session.done).rejects.toThrow("error from daemon in stream: broke");
  });
});
