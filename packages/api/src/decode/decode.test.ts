import { expect, test } from "bun:test";
import { decodeBody } from "./body.ts";
import { containerCreateDecoder, execConfigDecoder, updateConfigDecoder } from "./container.ts";
import { networkCreateDecoder } from "./network.ts";
import { volumeCreateDecoder } from "./volume.ts";

test("names match without regard to case, an exact one or the last one wins", () => {
  const { Image, HostConfig } = decodeBody(
    '{"iMAGE":"a","IMAGE":"b","hostconfig":{"MEMORY":5}}',
    containerCreateDecoder,
  );
  expect([Image, HostConfig.Memory]).toEqual(["b", 5]);
});

test("an empty body and null give Go's zero values", () => {
  for (const text of ["", "  \n", "null", "{}"]) {
    const request = decodeBody(text, containerCreateDecoder);
    expect(request).toMatchObject({ Hostname: "", Tty: false, Env: null, Cmd: null, Labels: null });
    expect(request.HostConfig).toMatchObject({
      Memory: 0,
      Binds: null,
      ConsoleSize: [0, 0],
      PidsLimit: null,
    });
    expect(request).not.toHaveProperty("Healthcheck");
    expect(request.HostConfig).not.toHaveProperty("Init");
  }
});

test("pointers keep the difference between absent and zero", () => {
  const decoded = decodeBody(
    '{"OomKillDisable":false,"PidsLimit":0,"MemorySwappiness":0}',
    updateConfigDecoder,
  );
  expect(decoded).toMatchObject({ OomKillDisable: false, PidsLimit: 0, MemorySwappiness: 0 });
  const { HostConfig, StopTimeout } = decodeBody(
    '{"HostConfig":{"Init":false},"StopTimeout":0}',
    containerCreateDecoder,
  );
  expect([HostConfig.Init, StopTimeout]).toEqual([false, 0]);
});

test("an empty entrypoint is not an absent one", () => {
  expect(decodeBody('{"Entrypoint":[]}', containerCreateDecoder).Entrypoint).toEqual([]);
  expect(decodeBody('{"Entrypoint":null}', containerCreateDecoder).Entrypoint).toBeNull();
});

test("keys like __proto__ are data", () => {
  const { Labels } = decodeBody('{"Labels":{"__proto__":"x","constructor":"y"}}', containerCreateDecoder);
  expect(Object.entries(Labels ?? {})).toEqual([
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
  expect(decodeBody('{"__proto__":{"Image":"x"}}', containerCreateDecoder).Image).toBe("");
});

test("a NUL byte in a string, a list or a key is refused", () => {
  for (const body of [
    { User: "a\0" },
    { Cmd: ["true", "a\0b"] },
    { Cmd: "a\0b" },
    { Labels: { "a\0b": "c" } },
    { Volumes: { "/a\0b": {} } },
    { HostConfig: { Tmpfs: { "/a\0b": "" } } },
    { HostConfig: { CgroupParent: "/a\0b" } },
    { HostConfig: { Binds: ["/a\0b:/c"] } },
  ]) {
    expect(() => decodeBody(JSON.stringify(body), containerCreateDecoder)).toThrow("holds a NUL byte");
  }
});

test("numbers: ranges and whole ones", () => {
  for (const [text, wrong] of [
    ['{"Count":1}', false],
    ['{"Memory":-1}', false],
    ['{"Memory":1e3}', false],
    ['{"Memory":1e30}', true],
    ['{"BlkioWeight":-1}', true],
    ['{"IOMaximumIOps":-1}', true],
  ] as const) {
    const decode = () => decodeBody(text, updateConfigDecoder);
    if (wrong) expect(decode).toThrow("cannot unmarshal number");
    else expect(decode).not.toThrow();
  }
});

/** A small generator whose run can be repeated from the seed in a failure's message. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

const WORDS = [
  "Image",
  "hostconfig",
  "HostConfig",
  "Mounts",
  "Memory",
  "__proto__",
  "Cmd",
  "Labels",
  "Config",
  "IPAM",
  "x",
];

function randomValue(next: () => number, depth: number): unknown {
  const kind = Math.floor(next() * (depth > 5 ? 5 : 7));
  if (kind === 0) return null;
  if (kind === 1) return next() < 0.5;
  if (kind === 2) return (next() - 0.5) * 10 ** Math.floor(next() * 25);
  if (kind === 3) return Math.floor(next() * 1000);
  if (kind === 4) return WORDS[Math.floor(next() * WORDS.length)];
  const length = Math.floor(next() * 4);
  const values = Array.from({ length }, () => randomValue(next, depth + 1));
  if (kind === 5) return values;
  return Object.fromEntries(values.map((value) => [WORDS[Math.floor(next() * WORDS.length)], value]));
}

test("fuzz: any JSON is decoded or refused with Docker's sentence", () => {
  const decoders = [
    containerCreateDecoder,
    execConfigDecoder,
    updateConfigDecoder,
    networkCreateDecoder,
    volumeCreateDecoder,
  ];
  let decoded = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const text = JSON.stringify(randomValue(random(seed), 0));
    for (const decoder of decoders) {
      try {
        decodeBody<unknown>(text, decoder);
        decoded++;
      } catch (error) {
        const { message } = error as Error;
        if (!message.startsWith("invalid JSON: json: cannot unmarshal ")) {
          throw new Error(`seed ${seed}: ${text}: ${message}`);
        }
      }
    }
  }
  expect(decoded).toBeGreaterThan(100);
});

test("fuzz: any text is parsed or refused with Go's sentence", () => {
  const whole = '{"Image":"b\\u0062","Cmd":["a",-1.5e3,true,null],"HostConfig":{"Init":false}}';
  const sentence =
    /^(invalid JSON: unexpected EOF|unexpected content after JSON|invalid JSON: (invalid character '.+' .+|json: cannot unmarshal .+))$/s;
  for (let seed = 1; seed <= 5000; seed++) {
    const next = random(seed);
    let text = whole;
    for (let change = 0; change < 1 + next() * 3; change++) {
      const at = Math.floor(next() * text.length);
      const insert = String.fromCharCode(Math.floor(next() * 130));
      text = text.slice(0, at) + (next() < 0.5 ? insert : "") + text.slice(at + (next() < 0.7 ? 1 : 9));
    }
    try {
      decodeBody<unknown>(text, containerCreateDecoder);
    } catch (error) {
      if (!sentence.test((error as Error).message)) throw new Error(`seed ${seed}: ${text}: ${error}`);
    }
  }
});
