/* Program of fork.test.ts: what forked children answer, and the memory that they have ahead, as one line of JSON. */
import { fstatSync, readFileSync } from "node:fs";
import { messageOf } from "@berth/base";
import {
  allowForkOfJit,
  close,
  exitNow,
  ForkedChild,
  getpid,
  kill,
  PageList,
  pipe2,
  SIG,
  type TakeOrder,
  waitpid,
  write,
  writeAll,
} from "../index.ts";

allowForkOfJit();

/** Of a child that was told these orders. */
function answerOf(take: TakeOrder, ...orders: [string, ...number[]][]): string {
  const child = new ForkedChild(take);
  try {
    for (const [order, ...descriptors] of orders) child.tell(order, descriptors);
    return child.answer();
  } catch (error) {
    return `${(error as Error).name}: ${messageOf(error)}`;
  } finally {
    waitpid(-1);
  }
}

function written(): string {
  const pipe = pipe2();
  const answer = answerOf(
    (order, [descriptor]) => {
      if (order === "first") return undefined;
      write(descriptor!, Buffer.from(order));
      return "wrote";
    },
    ["first"],
    ["second", pipe.write],
  );
  close(pipe.write);
  return `${answer}: ${readFileSync(pipe.read, "utf8")}`;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

function kept(): string {
  const [unneeded, other] = [pipe2(), pipe2()];
  const child = new ForkedChild(() => `${isOpen(unneeded.read)} ${isOpen(other.read)}`, [unneeded.read]);
  child.tell("answer");
  const answer = child.answer();
  waitpid(-1);
  return answer;
}

function letGo(): number | undefined {
  new ForkedChild(() => "")[Symbol.dispose]();
  return waitpid(-1)?.exitCode;
}

const PAGE = 4096;
const PAGES = 512;
const memory = new Uint8Array(2 * PAGES * PAGE).fill(1);

function writePages(): void {
  for (let page = 0; page < PAGES; page++) memory[page * PAGE] = 2;
}

/** Page faults of this process while it writes the pages. */
function faults(): number {
  const count = () => Number(readFileSync("/proc/self/stat", "latin1").split(") ")[1]!.split(" ")[7]);
  const before = count();
  writePages();
  return count() - before;
}

function faultsOfChild(list?: PageList): number {
  const child = new ForkedChild(() => {
    list?.take();
    return `${faults()}`;
  });
  child.tell("answer");
  const answer = Number(child.answer());
  waitpid(-1);
  return answer;
}

function learned(): PageList {
  const list = PageList.learn((mark) => {
    mark();
    writePages();
    mark();
  });
  waitpid(-1);
  return list;
}

const list = learned();
const nothing = PageList.learn(() => {});
waitpid(-1);
writeAll(
  1,
  Buffer.from(
    JSON.stringify({
      written: written(),
      threw: answerOf(
        () => {
          throw new Error("no such thing");
        },
        ["first"],
        ["not heard"],
        ["not heard"],
      ),
      killed: answerOf(() => {
        kill(getpid(), SIG.KILL);
        return "";
      }, ["end"]),
      kept: kept(),
      letGo: letGo(),
      pages: list.pages,
      nothing: nothing.pages,
      faults: faultsOfChild(),
      faultsAhead: faultsOfChild(list),
    }),
  ),
);
exitNow(0);
