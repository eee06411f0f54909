/* Program of fork.test.ts: what those who ask a server of errands see, as one line of JSON. */
import { existsSync, fstatSync, readFileSync, statSync } from "node:fs";
import { messageOf } from "@berth/base";
import {
  allowForkOfJit,
  close,
  type Errand,
  ErrandServer,
  exitNow,
  getpid,
  ignoreSignal,
  kill,
  pipe2,
  read,
  SIG,
  waitReadable,
  write,
  writeAll,
} from "../index.ts";

allowForkOfJit();
ignoreSignal(SIG.CHLD);

const [unneeded, gate, given] = [pipe2(), pipe2(), pipe2()];

/** An errand has two orders; the answer is who did it, and what was told. */
function newServer(limit = 100): ErrandServer {
  const begin = () => {
    const orders: string[] = [];
    return {
      takesLong: ({ text }: { text: string }) => text === "wait" || text === "complain",
      take(order: string, [descriptor]: readonly number[]) {
        orders.push(order);
        if (order === "complain") throw new Error("no such thing");
        if (order === "wait") read(gate.read, new Uint8Array(1));
        if (order === "end") kill(getpid(), SIG.KILL);
        if (descriptor !== undefined) write(descriptor, Buffer.from(order));
        return orders.length < 2 ? undefined : `${getpid()} ${orders.join(" ")}`;
      },
    };
  };
  return new ErrandServer(begin, { limit, unneeded: [unneeded.read, given.write] });
}

function answerOf(errand: Errand, ...orders: string[]): string {
  try {
    for (const order of orders) errand.tell(order);
    return errand.answer();
  } catch (error) {
    return `${(error as Error).name}: ${messageOf(error)}`;
  }
}

const pidIn = (answer: string) => Number(answer.split(" ")[0]);

function isOpenIn(pid: number, fd: number): boolean {
  const at = `/proc/${pid}/fd/${fd}`;
  return existsSync(at) && statSync(at).ino === fstatSync(fd).ino;
}

function awaitEnd(pid: number): boolean {
  while (existsSync(`/proc/${pid}`)) Bun.sleepSync(1);
  return true;
}

const server = newServer();
const first = answerOf(server.ask(), "a", "b");
const pid = pidIn(first);

// Told by turns: each errand has its own state.
const [one, other] = [server.ask(), server.ask()];
one.tell("1");
other.tell("x");
one.tell("2");
other.tell("y");
const byTurns = [other.answer(), one.answer()];

// One that takes long keeps nobody waiting, and keeps nothing of another one.
const half = server.ask();
half.tell("half", [given.write]);
const long = server.ask();
long.tell("wait");
const meanwhile = answerOf(server.ask(), "c", "d");
half.tell("done");
half.answer();
const longAnswered = waitReadable(long.descriptor, 0);
write(gate.write, new Uint8Array(1));
long.tell("waited");
const longAnswer = long.answer();

// Descriptors end with their errand: nobody else may write.
close(given.write);
const heard = readFileSync(given.read, "utf8");

// The asker goes away in the middle.
const left = server.ask();
left.tell("a");
left[Symbol.dispose]();

const report = {
  sameProcess: byTurns.every((answer) => pidIn(answer) === pid) && pidIn(meanwhile) === pid,
  first: first.replace(/^\d+ /, ""),
  byTurns: byTurns.map((answer) => answer.replace(/^\d+ /, "")),
  long: longAnswer.replace(/^\d+ /, ""),
  longElsewhere: pidIn(longAnswer) !== pid,
  longAnswered,
  heard,
  complaint: answerOf(server.ask(), "complain"),
  keepsUnneeded: isOpenIn(pid, unneeded.read),
  keepsOther: isOpenIn(pid, unneeded.write),
  isThere: server.isThere,
  killed: answerOf(server.ask(), "end"),
  gone: awaitEnd(pid) && !server.isThere,
  missed: answerOf(server.ask(), "a", "b"),
  limited: (() => {
    const another = newServer(2);
    const [one, two, three] = [another.ask(), another.ask(), another.ask()];
    const [answer, ...others] = [two, three, one].map((errand) => answerOf(errand, "a", "b"));
    return [awaitEnd(pidIn(answer!)), another.isThere, ...others.map((other) => other.replace(/^\d+ /, ""))];
  })(),
  ends: (() => {
    const another = newServer();
    const errand = another.ask();
    errand.tell("a");
    another[Symbol.dispose]();
    // It does what it was asked for before.
    errand.tell("b");
    return awaitEnd(pidIn(errand.answer()));
  })(),
  threads: readFileSync("/proc/self/status", "latin1").match(/^Threads:\s+(\d+)/m)?.[1],
};
writeAll(1, Buffer.from(JSON.stringify(report)));
exitNow(0);
