import { expect, test } from "bun:test";
import { whatToDo } from "./describe-error.ts";

const REFUSED =
  'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host';

test("a registry that is not reached: what to do instead; scripts that call docker get Docker's words", () => {
  expect(whatToDo("berth", REFUSED)).toStartWith(`${REFUSED}\n\nWithout a registry`);
  expect(whatToDo("berth", REFUSED)).toContain("berth image bootstrap busybox");
  expect(whatToDo("docker", REFUSED)).toBe(REFUSED);
  for (const other of [
    "No such image: x:latest",
    'Get "https://r.io/v2/": unauthorized',
    "dial tcp: no such host",
  ])
    expect(whatToDo("berth", other)).toBe(other);
});
