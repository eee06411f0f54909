/** What the front of the builder makes of a Dockerfile beside what BuildKit (in Debian's dockerd) writes into the image. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildGraph } from "@berth/builder";
import { hostPlatform } from "@berth/spec";
import { type Daemon, startDaemon } from "../harness/daemon.ts";

let oracle: Daemon;
let context = "";
let base: { Config: object; RootFS: { Layers: string[] } };

beforeAll(async () => {
  oracle = await startDaemon({ engine: "docker", images: ["busybox"] });
  context = join(oracle.scope.directory, "context");
  mkdirSync(join(context, "dir"), { recursive: true });
  for (const name of ["a", "b c", "dir/d"]) writeFileSync(join(context, name), name);
  base = JSON.parse(await oracle.out("image", "inspect", "busybox"))[0];
}, 120_000);
afterAll(() => oracle?.stop(), 60_000);

const ARGS = { GIVEN: "g v", HTTP_PROXY: "http://proxy" };

async function theirs(text: string, name: string) {
  writeFileSync(join(context, "Dockerfile"), text);
  const args = Object.entries(ARGS).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  await oracle.ok(["docker20", "build", "-q", "-t", name, ...args, context], {
    env: { DOCKER_BUILDKIT: "1" },
    seconds: 120,
  });
  const inspect = JSON.parse(await oracle.out("image", "inspect", name))[0];
  const history = (await (
    await fetch(`http://engine/images/${name}/history`, { unix: oracle.socket })
  ).json()) as { CreatedBy: string; Comment: string }[];
  return { config: inspect.Config, author: inspect.Author, history: history.reverse() };
}

async function ours(text: string) {
  const { image } = await buildGraph(text, {
    platform: hostPlatform(),
    buildPlatform: hostPlatform(),
    platformIsDefault: true,
    buildArgs: ARGS,
    async resolveImageConfig(reference) {
      const digest = `sha256:${"0".repeat(64)}` as const;
      const config = base.Config as never;
      return {
        reference,
        digest,
        config: {
          ...hostPlatform(),
          config,
          rootfs: { type: "layers", diff_ids: base.RootFS.Layers as never[] },
        },
      };
    },
  });
  return image;
}

/** Members that say something; dockerd adds all the others. */
function meaning(config: Record<string, unknown>): Record<string, unknown> {
  const ignored = new Set(["Image", "Hostname", "Domainname", "ArgsEscaped"]);
  const empty = (value: unknown) =>
    value === null ||
    value === undefined ||
    value === "" ||
    value === false ||
    (typeof value === "object" && Object.keys(value).length === 0);
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => !ignored.has(key) && !empty(value)),
  );
}

const FILES: Readonly<Record<string, string>> = {
  variables: `ARG V=1
FROM busybox AS first
ARG V
ARG GIVEN=default
ARG LATER=$V.2
ENV A=a B="b $V" C='c $V' D=d\\ \${LATER:-x} E=\${NONE:-n}\${V:+s}
ENV old form with $A
ENV A=\${A}2
RUN echo $A
ARG A=arg
RUN true
LABEL one=$A "two words"="x\\"y" three='$A'
USER \${NONE:-root}:root
WORKDIR /w/$V
WORKDIR rel/../rel2
RUN pwd
`,
  forms: `FROM busybox
SHELL ["/bin/ash", "-e", "-c"]
RUN echo a && \\
    # comment
    echo "b  c"
RUN ["/bin/echo", "x", "$HOME"]
CMD echo cmd
ENTRYPOINT ["/bin/sh", "-c", "a\\tb"]
CMD ["one", "t wo"]
HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD wget -q localhost || exit 1
STOPSIGNAL SIGQUIT
EXPOSE 80 8080-8082/udp 443/tcp
VOLUME /data "/x"
VOLUME ["/a b", "/c"]
MAINTAINER Some One <some@one>
ONBUILD RUN echo later
ONBUILD COPY a /a
`,
  files: `FROM busybox AS one
COPY a dir/d* /nowhere/
COPY ["b c", "/x y"]
COPY --chown=1:2 dir .
ADD a /added
ENV D=/target
COPY a $D/b
FROM one
COPY --from=one /added /again
COPY --from=0 /nowhere/a ./
RUN --mount=type=bind,target=/ctx --mount=type=cache,target=/c cat /ctx/a
WORKDIR /z
COPY . .
`,
  triggers: `FROM busybox AS parent
ONBUILD ARG X=1
ONBUILD RUN echo $X
ONBUILD ENV Y=2
FROM parent
RUN echo own
FROM scratch AS unused
COPY missing /
FROM parent
CMD x
`,
};

describe("configuration and history", () => {
  for (const [name, text] of Object.entries(FILES)) {
    test(name, async () => {
      const real = await theirs(text, name);
      const own = await ours(text);
      expect(meaning(own.config as Record<string, unknown>)).toEqual(meaning(real.config));
      expect(own.author ?? "").toBe(real.author);
      const lines = real.history.slice(-own.history.length).map((entry) => entry.CreatedBy);
      // BuildKit 0.8 wrote EXPOSE and HEALTHCHECK as Go prints other types, ARG as in the file, and left out --chown.
      const common = (line: string) =>
        line
          .replace(/^(EXPOSE|HEALTHCHECK) .*/, "$1")
          .replace(/^(ARG [^=]*).*/, "$1")
          .replace(/^COPY --chown=\S+/, "COPY");
      expect(own.history.map((entry) => common(entry.created_by!))).toEqual(lines.map(common));
      expect(real.history.at(-1)!.Comment).toBe(own.history.at(-1)!.comment!);
    }, 120_000);
  }
});
