import { expect, test } from "bun:test";
import { describeOutline, describeTargets, planOf } from "./describe.ts";

const FILE = `# GOV which go to use
ARG GOV=1.2
ARG UNUSED=1
# base is the base
FROM busybox:$GOV AS base
# NAME the name
ARG NAME=x
ARG PLAIN
FROM busybox AS other
ARG OTHER=1
# final makes it
FROM base AS final
COPY --from=other /a /a
RUN --mount=type=secret,id=tok,required --mount=type=ssh --mount=type=cache,target=/c true
ARG LATE=\${NAME}-y
FROM busybox AS alone
`;

test("targets with what the comments say", () => {
  expect(describeTargets(FILE).text).toBe(
    "TARGET          DESCRIPTION\nbase            is the base\nother           \nfinal           makes it\nalone (default) \n",
  );
  expect(describeTargets("FROM a\n")).toMatchObject({
    json: { targets: [{ default: true, base: "a" }] },
    text: "TARGET    DESCRIPTION\n(default) \n",
  });
});

test("an outline tells what the target and the stages below it take", () => {
  const { json, text } = describeOutline(FILE, { target: "Final", buildArgs: { NAME: "given" } });
  expect(json).toMatchObject({
    name: "final",
    args: [
      { name: "GOV", value: "1.2" },
      { name: "NAME", value: "given" },
      { name: "PLAIN" },
      { name: "OTHER" },
      { value: "given-y" },
    ],
    secrets: [{ name: "tok", required: true }],
    ssh: [{ name: "default" }],
    cache: [{ ID: "/c" }],
  });
  expect(text).toStartWith(
    "TARGET:       final\nDESCRIPTION:  makes it\n\nBUILD ARG   VALUE     DESCRIPTION\nGOV         1.2       which go to use\n",
  );
  expect(text).toEndWith("\nSECRET   REQUIRED\ntok      true\n\nSSH       REQUIRED\ndefault   \n");
});

test("a target that is none", () => {
  expect(() => describeOutline(FILE, { target: "fina", buildArgs: {} })).toThrow(
    'target stage "fina" could not be found (did you mean final?)',
  );
});

test("build arguments that no ARG declares, by name; proxies need none", () => {
  const unconsumed = (given: string[], ...lines: string[]) =>
    planOf(`${lines.join("\n")}\n`, "", given).unconsumed;
  expect(unconsumed(["FOO", "USED", "BAR"], "FROM a", "ARG USED", "RUN echo $FOO")).toEqual(["BAR", "FOO"]);
  expect(unconsumed(["T", "A", "B", "x"], "ARG T=1", "FROM a", 'arg A="x B=1" B=2')).toEqual(["x"]);
  expect(unconsumed(["A"], "FROM a", "LABEL ARG A")).toEqual(["A"]);
  expect(unconsumed(["http_proxy", "NO_PROXY", "Http_Proxy"], "FROM a")).toEqual(["Http_Proxy"]);
});
