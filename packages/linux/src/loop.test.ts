import { heapSize } from "bun:jsc";
import { afterEach, expect, test } from "bun:test";
import { O } from "./constants.ts";
import { SyscallError } from "./errno.ts";
import { open } from "./fs.ts";
import { close, dup3, pipe2, read, write } from "./io.ts";
import { EPOLL, Loop } from "./loop.ts";
import { socketpair } from "./socket.ts";

const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) close(fd);
});

function pair(): [number, number] {
  const both = socketpair();
  opened.push(...both);
  return both;
}

test("timers fire in the order of their deadlines, once, and not after they were cancelled", () => {
  using loop = new Loop();
  const fired: string[] = [];
  loop.timer(30, () => loop.stop());
  loop.timer(10, () => fired.push("ten"));
  const cancel = loop.timer(5, () => fired.push("never"));
  loop.timer(1, () => {
    fired.push("one");
    cancel();
    loop.timer(0, () => fired.push("at once"));
  });
  loop.timer(10, () => fired.push("ten again"));
  const start = performance.now();
  loop.run();
  expect(fired).toEqual(["one", "at once", "ten", "ten again"]);
  expect(performance.now() - start).toBeGreaterThanOrEqual(30);
  cancel();
});

test("a descriptor calls back while it is readable, and not when it is paused or removed", () => {
  using loop = new Loop();
  const [here, there] = pair();
  const seen: number[] = [];
  const buffer = new Uint8Array(1);
  write(here, Buffer.from("abc"));
  loop.add(there, EPOLL.IN, (events, fd) => {
    seen.push(events, fd);
    read(there, buffer);
    if (seen.length === 4) loop.modify(there, 0);
  });
  for (let turn = 0; turn < 5; turn++) loop.turn(0);
  expect(seen).toEqual([EPOLL.IN, there, EPOLL.IN, there]);
  loop.modify(there, EPOLL.IN);
  loop.turn(0);
  expect(seen).toHaveLength(6);
  write(here, Buffer.from("d"));
  loop.remove(there);
  loop.remove(there);
  loop.turn(0);
  expect(seen).toHaveLength(6);
  expect(loop.watches(there)).toBe(false);
});

test("an event of a removed descriptor is not given to a new one with the same number", () => {
  using loop = new Loop();
  const [first, a] = pair();
  const second = pipe2();
  write(first, Buffer.from("x"));
  write(second.write, Buffer.from("x"));
  const seen: string[] = [];
  const replace = (other: number) => () => {
    seen.push("first come");
    // The other descriptor is ready in the same turn; its number now means something else.
    loop.remove(other);
    close(other);
    const fresh = open("/dev/null", O.RDONLY);
    expect(fresh).toBe(other);
    const socket = socketpair();
    close(fresh);
    dup3(socket[0], other);
    close(socket[0]);
    opened.push(socket[1]);
    loop.add(other, EPOLL.IN, () => seen.push("wrong"));
  };
  loop.add(a, EPOLL.IN, replace(second.read));
  loop.add(second.read, EPOLL.IN, replace(a));
  loop.turn(0);
  loop.turn(0);
  expect(seen[0]).toBe("first come");
  expect(seen).not.toContain("wrong");
  close(second.write);
  // One of them was replaced: both numbers are open and belong to this test.
  close(second.read);
});

test("hang-ups are told without being asked for", () => {
  using loop = new Loop();
  const pipe = pipe2();
  let events = 0;
  loop.add(pipe.read, 0, (what) => {
    events = what;
    loop.remove(pipe.read);
  });
  close(pipe.write);
  loop.turn(0);
  expect(events & EPOLL.HUP).toBe(EPOLL.HUP);
  close(pipe.read);
});

test("an exception of a callback leaves run, and the loop goes on after it", () => {
  using loop = new Loop();
  loop.timer(0, () => {
    throw new Error("from a callback");
  });
  loop.timer(1, () => loop.stop());
  expect(() => loop.run()).toThrow("from a callback");
  loop.run();
});

test("regular files and doubles are refused", () => {
  using loop = new Loop();
  const file = open(import.meta.path, O.RDONLY);
  opened.push(file);
  expect(() => loop.add(file, EPOLL.IN, () => {})).toThrow(SyscallError);
  expect(loop.watches(file)).toBe(false);
  const [, there] = pair();
  loop.add(there, EPOLL.IN, () => {});
  expect(() => loop.add(there, EPOLL.IN, () => {})).toThrow("epoll_ctl: file exists");
});

test("turns do not allocate", () => {
  using loop = new Loop();
  const [here, there] = pair();
  const buffer = new Uint8Array(1);
  loop.add(there, EPOLL.IN, () => {
    read(there, buffer);
  });
  const round = () => {
    write(here, buffer, 0, 1);
    loop.turn(0);
  };
  for (let k = 0; k < 1000; k++) round();
  const growth = () => {
    Bun.gc(true);
    const before = heapSize();
    for (let k = 0; k < 20_000; k++) round();
    return heapSize() - before;
  };
  // 20,000 turns; one object in each would be 320 kB at the least, every time. The engine itself may compile in one of them.
  expect(Math.min(growth(), growth(), growth())).toBeLessThan(100_000);
});
