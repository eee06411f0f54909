import { expect, test } from "bun:test";
import { unconsumedArguments } from "./unconsumed.ts";

const unconsumed = (given: string[], ...texts: string[]) =>
  unconsumedArguments(
    texts.map((text, line) => ({ text, line })),
    given,
  );

test("arguments that no ARG declares, by name", () => {
  expect(unconsumed(["FOO", "USED", "BAR"], "FROM a", "ARG USED", "RUN echo $FOO")).toEqual(["BAR", "FOO"]);
  expect(unconsumed(["T", "A", "B", "x"], "ARG T=1", "FROM a", 'arg A="x B=1" B=2')).toEqual(["x"]);
  expect(unconsumed(["A"], "FROM a", "LABEL ARG A")).toEqual(["A"]);
});

test("proxies need no ARG", () => {
  expect(unconsumed(["http_proxy", "NO_PROXY", "Http_Proxy"], "FROM a")).toEqual(["Http_Proxy"]);
});
