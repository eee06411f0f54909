import { describe, expect, test } from "bun:test";
import { displayPorts } from "../commands/container/ports.ts";
import { randomFrom, randomText } from "../testing/random.ts";
import { alignColumns } from "./columns.ts";
import { naturalCompare } from "./natural-order.ts";
import { quote } from "./quote.ts";
import { renderRows } from "./rows.ts";
import { binarySize, humanSize, humanSize4 } from "./sizes.ts";
import { ellipsis } from "./text.ts";
import { goTimeOfRfc3339, humanDuration } from "./times.ts";

test.each([
  [0, "0B", "0B", "0B"],
  [999, "999B", "999B", "999B"],
  [1000, "1kB", "1kB", "1000B"],
  [1023, "1.02kB", "1.023kB", "1023B"],
  [1024, "1.02kB", "1.024kB", "1KiB"],
  [7460000, "7.46MB", "7.46MB", "7.114MiB"],
  [13300, "13.3kB", "13.3kB", "12.99KiB"],
  [1984256, "1.98MB", "1.984MB", "1.892MiB"],
  [999999, "1e+03kB", "1000kB", "976.6KiB"],
  [25278672896, "25.3GB", "25.28GB", "23.54GiB"],
  [-1, "-1B", "-1B", "-1B"],
])("%d bytes", (bytes, three, four, binary) => {
  expect([humanSize(bytes), humanSize4(bytes), binarySize(bytes)]).toEqual([three, four, binary]);
});

test.each([
  [0.5, "Less than a second"],
  [-5, "Less than a second"],
  [1, "1 second"],
  [59.9, "59 seconds"],
  [60, "About a minute"],
  [119, "About a minute"],
  [120, "2 minutes"],
  [3599, "59 minutes"],
  [3600, "About an hour"],
  [5399, "About an hour"],
  [5400, "2 hours"],
  [47.4 * 3600, "47 hours"],
  [48 * 3600, "2 days"],
  [14 * 86400, "2 weeks"],
  [60 * 86400, "2 months"],
  [729 * 86400, "24 months"],
  [730 * 86400, "2 years"],
])("%d seconds", (seconds, words) => {
  expect(humanDuration(seconds)).toBe(words);
});

test("columns are as wide as their neighbours need", () => {
  expect(alignColumns("A\tBB\tC\nlong cell 12\tb\tc\n")).toBe(
    "A              BB        C\nlong cell 12   b         c\n",
  );
  // A line without tabs parts the blocks.
  expect(alignColumns("a\tb\nx\nlonger than ten\tb\n")).toBe("a         b\nx\nlonger than ten   b\n");
  expect(alignColumns("é…\tb\n")).toBe("é…        b\n");
});

test("names are ordered as people count", () => {
  expect(["b", "a10", "a2", "a", "a02", "a2b"].sort(naturalCompare)).toEqual([
    "a",
    "a2",
    "a2b",
    "a02",
    "a10",
    "b",
  ]);
});

test("texts are shortened by columns", () => {
  expect([
    ellipsis("short", 20),
    ellipsis("exactly ten", 11),
    ellipsis("eleven char", 10),
    ellipsis("ab", 1),
  ]).toEqual(["short", "exactly ten", "eleven ch…", "a"]);
  expect(ellipsis("日本語日本語", 7)).toBe("日本語…");
});

test("Go's %q", () => {
  expect(quote('a"b\\\n\t\x07\x01é')).toBe('"a\\"b\\\\\\n\\t\\a\\x01é"');
});

test("Go's time of RFC 3339", () => {
  expect(goTimeOfRfc3339("2026-11-22T19:32:49.551940450Z")).toBe("2026-11-22 19:32:49.55194045 +0000 UTC");
  expect(goTimeOfRfc3339("2026-11-22T19:32:49+01:00")).toBe("2026-11-22 19:32:49 +0100 +0100");
  expect(goTimeOfRfc3339("nonsense")).toBe("nonsense");
});

describe("ports", () => {
  const tcp = (IP: string, PrivatePort: number, PublicPort?: number, Type = "tcp") => ({
    PrivatePort,
    Type,
    ...(IP !== "" && { IP }),
    ...(PublicPort !== undefined && { PublicPort }),
  });
  test.each([
    [[], ""],
    [[tcp("", 80)], "80/tcp"],
    [[tcp("", 82), tcp("", 80), tcp("", 81)], "80-82/tcp"],
    [[tcp("0.0.0.0", 80, 8080), tcp("::", 80, 8080)], "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"],
    [
      [tcp("1.1.1.1", 80, 80), tcp("1.1.1.1", 81, 81), tcp("", 53, undefined, "udp")],
      "53/udp, 1.1.1.1:80-81->80-81/tcp",
    ],
    [[tcp("", 80), tcp("", 82)], "80/tcp, 82/tcp"],
  ])("%j", (ports, shown) => {
    expect(displayPorts(ports)).toBe(shown);
  });
});

test("a format that only names fields prints what the template engine prints", async () => {
  const kind = { type: "row", headers: { A: "HEAD A", B: "HEAD B" } };
  const rows = [
    { A: "1", B: () => "x" },
    { A: "long value here", B: () => "" },
  ];
  const random = randomFrom(9);
  for (let round = 0; round < 300; round++) {
    const plain = randomText(random, ["{{.A}}", "{{.B}}", "\t", " ", "x", "-"], 8);
    for (const prefix of ["", "table "]) {
      // The same, in a way that is not recognised as plain.
      const other = plain.replaceAll("{{.A}}", "{{ .A }}").replaceAll("{{.B}}", "{{ .B }}");
      expect(await renderRows(kind, prefix + plain, rows)).toBe(await renderRows(kind, prefix + other, rows));
    }
  }
});
