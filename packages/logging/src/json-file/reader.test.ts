import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { JsonLogEncoder } from "./encoder.ts";
import { type ReadLogOptions, readJsonLog } from "./reader.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-log-"));
  path = join(folder, "c-json.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

const second = (n: number) => `2026-01-02T03:04:${String(n).padStart(2, "0")}.5Z`;
const instant = (n: number) =>
  BigInt(Date.parse(`2026-01-02T03:04:${String(n).padStart(2, "0")}Z`)) * 1_000_000n;
const line = (text: string, at = 0, stream = "stdout") =>
  `${JSON.stringify({ log: `${text}\n`, stream, time: second(at) })}\n`;
const ALL: ReadLogOptions = {
  stdout: true,
  stderr: true,
  multiplexed: false,
  timestamps: false,
  details: false,
};

async function read(options: Partial<ReadLogOptions> = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of readJsonLog(path, { ...ALL, ...options })) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Collects a follower's output; `until` waits for a text to appear. */
function follower(options: Partial<ReadLogOptions> = {}) {
  const end = Promise.withResolvers<void>();
  let text = "";
  let changed = Promise.withResolvers<void>();
  const done = (async () => {
    for await (const part of readJsonLog(path, { ...ALL, ...options, follow: { ended: end.promise } })) {
      text += Buffer.from(part).toString();
      changed.resolve();
      changed = Promise.withResolvers();
    }
  })();
  return {
    end: end.resolve,
    done,
    text: () => text,
    async until(part: string) {
      while (!text.includes(part)) await changed.promise;
    },
  };
}

describe("readJsonLog", () => {
  test("a log that does not exist is empty", async () => {
    expect(await read()).toBe("");
  });

  test("gives back the text, escapes and all", async () => {
    const texts = ["plain", 'quote " back \\ tab \t', "é😀\u2028", "", "no newline"];
    writeFileSync(
      path,
      texts.map((text) => line(text)).join("") +
        JSON.stringify({ log: "end", stream: "stdout", time: second(1) }) +
        "\n",
    );
    expect(await read()).toBe(`${texts.join("\n")}\nend`);
  });

  test("frames, streams, timestamps, details", async () => {
    writeFileSync(
      path,
      line("out", 1) +
        line("err", 2, "stderr") +
        `{"log":"x\\n","stream":"stdout","attrs":{"b":"2 &","a":"1"},"time":"${second(3)}"}\n`,
    );
    expect(await read({ stdout: false, multiplexed: true })).toBe("\x02\0\0\0\0\0\0\x04err\n");
    expect(await read({ stderr: false, timestamps: true, details: true })).toBe(
      "2026-01-02T03:04:01.500000000Z  out\n2026-01-02T03:04:03.500000000Z a=1,b=2+%26 x\n",
    );
  });

  test("since and until", async () => {
    writeFileSync(path, [0, 1, 2, 3].map((n) => line(`l${n}`, n)).join(""));
    expect(await read({ since: instant(1) })).toBe("l1\nl2\nl3\n");
    expect(await read({ since: instant(1), until: instant(3) })).toBe("l1\nl2\n");
  });

  test("tail over rotated and compressed files", async () => {
    writeFileSync(`${path}.3.gz`, gzipSync(line("0") + line("1")));
    writeFileSync(`${path}.2.gz`, gzipSync(line("2") + line("3")));
    writeFileSync(`${path}.1`, line("4") + line("5"));
    writeFileSync(path, line("6") + line("7"));
    writeFileSync(`${path}.old`, line("not ours"));
    const all = ["0", "1", "2", "3", "4", "5", "6", "7"];
    expect(await read()).toBe(`${all.join("\n")}\n`);
    for (let count = 0; count <= 9; count++) {
      expect(await read({ tail: count })).toBe(count === 0 ? "" : `${all.slice(-count).join("\n")}\n`);
    }
  });

  test("tail of a long file reads across chunk borders", async () => {
    const texts = Array.from({ length: 20_000 }, (_, n) => `line ${n} ${"x".repeat(n % 97)}`);
    writeFileSync(path, texts.map((text) => line(text)).join(""));
    expect(await read({ tail: 9_999 })).toBe(`${texts.slice(-9_999).join("\n")}\n`);
  });

  test("leaves out records that were cut or are not JSON", async () => {
    writeFileSync(path, `${line("a")}{"log":"cut","str\n\0\0\0\n[1]\n${line("b")}{"log":"unfin`);
    expect(await read()).toBe("a\nb\n");
  });

  test("what the encoder wrote comes back for any text", async () => {
    for (let round = 0; round < 30; round++) {
      let text = "";
      while (text.length < 3000) {
        const code = Math.random() < 0.6 ? 32 + Math.random() * 90 : Math.random() * 0xd7ff;
        text += Math.random() < 0.02 ? "\n" : String.fromCharCode(code);
      }
      const data = Buffer.from(text);
      let file = "";
      const encoder = new JsonLogEncoder("stdout", (buffer, length) => {
        file += Buffer.from(buffer.subarray(0, length)).toString();
      });
      encoder.write(data, data.length, second(0));
      encoder.end(second(1));
      writeFileSync(path, file);
      expect(await read()).toBe(text);
    }
  });

  test("what is written while it is read is not shown, unless it is followed", async () => {
    writeFileSync(path, line("one") + line("two"));
    for (const [tail, expected] of [
      [0, ""],
      [1, "two\n"],
      [undefined, "one\ntwo\n"],
    ] as const) {
      writeFileSync(path, line("one") + line("two"));
      const parts: string[] = [];
      const log = readJsonLog(path, { ...ALL, ...(tail === undefined ? {} : { tail }) });
      // The search for the tail and the reading are apart by several turns of the event loop.
      const reading = (async () => {
        for await (const part of log) parts.push(Buffer.from(part).toString());
      })();
      for (let turn = 0; turn < 50; turn++) {
        appendFileSync(path, line("late"));
        await new Promise(setImmediate);
      }
      await reading;
      // Lines of before the search count; what matters is how many come.
      if (tail === undefined) expect(parts.join("")).toStartWith(expected);
      else expect(parts.join("").split("\n").length - 1).toBe(tail);
    }
  });
});

describe("following", () => {
  test("sees what is appended, and ends after the last record", async () => {
    writeFileSync(path, line("a"));
    const follow = follower();
    await follow.until("a\n");
    appendFileSync(path, line("b"));
    await follow.until("b\n");
    appendFileSync(path, line("c"));
    follow.end();
    await follow.done;
    expect(follow.text()).toBe("a\nb\nc\n");
  });

  test("waits for the log to appear", async () => {
    const follow = follower();
    writeFileSync(path, line("first"));
    await follow.until("first");
    follow.end();
    await follow.done;
  });

  test("tail 0 shows only what is new", async () => {
    writeFileSync(path, line("old"));
    const follow = follower({ tail: 0 });
    await Bun.sleep(0);
    appendFileSync(path, line("new"));
    follow.end();
    await follow.done;
    expect(["new\n", ""]).toContain(follow.text());
  });

  test("goes on across rotations, several at once too", async () => {
    const expected: string[] = [];
    writeFileSync(path, "");
    const follow = follower();
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 50; n++) {
        const text = `r${round}n${n}`;
        expected.push(text);
        appendFileSync(path, line(text, round * 2));
      }
      if (round % 2) await follow.until(expected.at(-1)!);
      for (let number = round; number > 0; number--) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
      renameSync(path, `${path}.1`);
      writeFileSync(path, "");
    }
    appendFileSync(path, line("end", 59));
    follow.end();
    await follow.done;
    expect(follow.text()).toBe(`${[...expected, "end"].join("\n")}\n`);
  });

  test("records of one instant in several rotated files are all read, once", async () => {
    writeFileSync(path, line("0"));
    const follow = follower();
    await follow.until("0\n");
    for (let file = 3; file >= 1; file--)
      writeFileSync(`${path}.${file}`, line(`${3 - file}.`) + line(`${3 - file};`));
    renameSync(path, `${path}.4`);
    writeFileSync(path, line("last"));
    await follow.until("last\n");
    follow.end();
    await follow.done;
    expect(follow.text()).toBe("0\n0.\n0;\n1.\n1;\n2.\n2;\nlast\n");
  });

  test("a file that was read and then compressed is not read again", async () => {
    writeFileSync(path, line("a", 1));
    const follow = follower();
    await follow.until("a\n");
    unlinkSync(path);
    writeFileSync(`${path}.1.gz`, gzipSync(line("a", 1)));
    writeFileSync(path, line("b", 2));
    await follow.until("b\n");
    follow.end();
    await follow.done;
    expect(follow.text()).toBe("a\nb\n");
  });

  test("an aborted signal ends it", async () => {
    writeFileSync(path, line("a"));
    const abort = new AbortController();
    const follow = follower({ signal: abort.signal });
    await follow.until("a\n");
    abort.abort();
    await follow.done;
  });
});
