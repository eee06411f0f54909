import { expect, test } from "bun:test";
import { refuseContentTrust } from "./content-trust.ts";

const refused = (variable: string | undefined, flag?: boolean) => {
  const flags = { values: { "disable-content-trust": flag ?? true }, given: () => flag !== undefined };
  try {
    refuseContentTrust({ environment: { DOCKER_CONTENT_TRUST: variable } }, flags);
    return false;
  } catch (error) {
    return (error as Error).message.includes("signatures are not supported");
  }
};

test("who asks for signatures does not get an image without", () => {
  expect(["1", "true", "yes", "x"].map((value) => refused(value))).toEqual([true, true, true, true]);
  expect([undefined, "", "0", "false"].map((value) => refused(value))).toEqual([false, false, false, false]);
  expect(refused("1", true)).toBe(false);
  expect(refused("0", false)).toBe(true);
});
