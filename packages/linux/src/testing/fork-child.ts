/* Program of fork.test.ts: forks children that must be able to do all that a shim does, and prints one line of JSON. */
import { readFileSync } from "node:fs";
import {
  allowForkOfJit,
  close,
  EPOLL,
  exitNow,
  fork,
  getpid,
  Loop,
  pipe2,
  posixSpawn,
  readSignal,
  recv,
  SIG,
  SIG_BLOCK,
  send,
  signalfd,
  sigprocmask,
  socketpair,
  threadCount,
  waitpid,
  writeAll,
} from "../index.ts";

/** Enough calls for every tier of the JIT. */
function compile(): number {
  const inner = (x: number) => {
    let sum = 0;
    for (let k = 0; k < 1000; k++) sum += (x * k) % 7;
    return sum;
  };
  let sum = 0;
  for (let k = 0; k < 3000; k++) sum += inner(k);
  return sum;
}

/** Some hundred megabytes of short-lived objects. */
function allocate(): void {
  let junk: unknown[] = [];
  for (let k = 0; k < 1_000_000; k++) {
    junk.push({ number: k, text: `x${k}`, bytes: k % 100 === 0 ? new Uint8Array(4096) : undefined });
    if (junk.length > 10_000) junk = [];
  }
  Bun.gc(true);
}

function residentKilobytes(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

/** A loop with a timer, a socket, and a child that is reaped through a signalfd. */
function eventLoop(): { received: string; program: number } {
  using loop = new Loop();
  sigprocmask(SIG_BLOCK, [SIG.CHLD]);
  const signals = signalfd([SIG.CHLD]);
  const [here, there] = socketpair();
  let received = "";
  let program = -1;
  const finish = () => {
    if (received !== "" && program >= 0) loop.stop();
  };
  loop.add(there, EPOLL.IN, () => {
    const buffer = new Uint8Array(100);
    received += Buffer.from(buffer.subarray(0, recv(there, buffer))).toString();
    finish();
  });
  loop.add(signals, EPOLL.IN, () => {
    while (readSignal(signals) !== undefined);
    program = waitpid(-1)?.exitCode ?? -2;
    finish();
  });
  loop.timer(5, () => send(here, Buffer.from("tick")));
  posixSpawn({ path: "/bin/sh", args: ["sh", "-c", "exit 3"], env: [] });
  loop.run();
  return { received, program };
}

const regions = allowForkOfJit();
compile();
allocate();
const threads = threadCount();
const results: unknown[] = [];
for (let round = 0; round < 4; round++) {
  const pipe = pipe2();
  const child = fork();
  if (child === 0) {
    try {
      compile();
      allocate();
      const result = {
        ...eventLoop(),
        pid: getpid(),
        threads: threadCount(),
        kilobytes: residentKilobytes(),
      };
      writeAll(pipe.write, Buffer.from(JSON.stringify(result)));
      exitNow(0);
    } catch (error) {
      writeAll(2, Buffer.from(`${(error as Error).stack}\n`));
      exitNow(99);
    }
  }
  close(pipe.write);
  const exit = waitpid(child);
  results.push({ exit: exit?.exitCode, child, ...JSON.parse(readFileSync(pipe.read, "utf8") || "{}") });
  close(pipe.read);
}
writeAll(1, Buffer.from(JSON.stringify({ threads, regions, results })));
exitNow(0);
