import { describe, expect, test } from "bun:test";
import { BerthError } from "@berth/base";
import { resolveUser } from "./user.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh

web:x:1000:1001:Web:/home/web:/bin/sh
42:x:77:78::/home/digits:/bin/sh
web:x:5:5::/second:/bin/sh
bad:x:notanumber:9::/bad:/bin/sh
`;
const GROUP = "root:x:0:\nweb:x:1001:\nextra:x:2000:web\nmore:x:2001:root,web\n55:x:3000:\n";

const resolve = (user: string, ...add: string[]) => resolveUser(user, add, PASSWD, GROUP);

// Each of these was seen in the config.json that dockerd 26.1.5 (and 20.10.24) made.
describe("Docker's USER", () => {
  test("nobody said: root, with its groups", () => {
    expect(resolve("")).toEqual({ uid: 0, gid: 0, additionalGids: [0, 2001], home: "/root" });
  });
  test("a name, the first of two", () => {
    expect(resolve("web")).toEqual({
      uid: 1000,
      gid: 1001,
      additionalGids: [1001, 2000, 2001],
      home: "/home/web",
    });
  });
  test("the number of a user is that user, the number of nobody has no groups", () => {
    expect(resolve("1000")).toEqual(resolve("web"));
    expect(resolve("55")).toEqual({ uid: 55, gid: 0, additionalGids: [0], home: undefined });
  });
  test("a group that is said replaces the memberships; --group-add adds", () => {
    expect(resolve("web:extra")).toEqual({ uid: 1000, gid: 2000, additionalGids: [2000], home: "/home/web" });
    expect(resolve("web:extra", "more", "77").additionalGids).toEqual([2000, 2001, 77]);
    expect(resolve("55:66")).toEqual({ uid: 55, gid: 66, additionalGids: [66], home: undefined });
    expect(resolve(":extra")).toMatchObject({ uid: 0, gid: 2000 });
  });
  test("digits are an id, never a name", () => {
    expect(resolve("42")).toMatchObject({ uid: 42, home: undefined });
    expect(resolve("0:55").gid).toBe(55);
  });
  test("an empty group is not a group", () => {
    expect(resolve("web:")).toEqual(resolve("web"));
  });
  test("a number that cannot be read is 0", () => {
    expect(resolve("bad")).toMatchObject({ uid: 0, gid: 9 });
  });
  test("images without the files", () => {
    expect(resolveUser("", [], undefined, undefined)).toMatchObject({ uid: 0, gid: 0, additionalGids: [0] });
    expect(resolveUser("7:8", [], undefined, undefined)).toMatchObject({ uid: 7, gid: 8 });
    expect(() => resolveUser("web", [], undefined, undefined)).toThrow(
      "unable to find user web: no matching entries in passwd file",
    );
  });
  test.each([
    ["nope", [], "unable to find user nope: no matching entries in passwd file"],
    ["99999999999", [], "uids and gids must be in range 0-2147483647"],
    ["-1", [], "uids and gids must be in range 0-2147483647"],
    ["0:2147483648", [], "uids and gids must be in range 0-2147483647"],
    ["root:nope", [], "unable to find group nope: no matching entries in group file"],
    ["root", ["nope"], "Unable to find group nope: no matching entries in group file"],
    ["root", ["-5"], "uids and gids must be in range 0-2147483647"],
    [
      "99999999999999999999999",
      [],
      "unable to find user 99999999999999999999999: no matching entries in passwd file",
    ],
  ] as const)("%s with %j is refused", (user, add, message) => {
    expect(() => resolve(user, ...add)).toThrow(message);
  });
  test("2147483647 is the last id", () => {
    expect(resolve("2147483647:2147483647")).toMatchObject({ uid: 2147483647, gid: 2147483647 });
  });
});

test("whatever stands in the files, the answer is ids in range or a BerthError", () => {
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const alphabet = [
    "root",
    "web",
    "0",
    "1",
    "-1",
    "99999999999",
    ":",
    ":",
    ":",
    "\n",
    ",",
    " ",
    "\t",
    "\0",
    "é",
    "x",
    "+",
    "#",
    "\r\n",
  ];
  const text = (length: number) =>
    Array.from({ length: random(length) }, () => alphabet[random(alphabet.length)]).join("");
  for (let round = 0; round < 20_000; round++) {
    const files = [text(40), text(40)].map((file) => (random(8) === 0 ? undefined : file));
    try {
      const { uid, gid, additionalGids } = resolveUser(
        text(6),
        random(3) === 0 ? [text(4)] : [],
        files[0],
        files[1],
      );
      for (const id of [uid, gid, ...additionalGids]) {
        if (!Number.isInteger(id) || id < 0 || id > 2147483647) throw new Error(`id ${id}`);
      }
    } catch (error) {
      if (!(error instanceof BerthError) || error.kind !== "invalid-parameter") throw error;
    }
  }
});

test("a file of many megabytes is not read to its end", () => {
  const long = `${"x:x:1:1::/:/\n".repeat(1_000_000)}late:x:5:5::/:/\n`;
  expect(() => resolveUser("late", [], long, "")).toThrow("unable to find user late");
});
