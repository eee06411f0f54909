// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Compose files
/** What `up` makes anew and what it leaves; how failures end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { composeProject, LOOP } from "../harness/compose.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth", images: ["busybox"] });
}, 60_000);
afterAll(() => daemon?.stop(), 60_000);

const project = (name: string, file: string, env?: Record<string, string>) =>
  composeProject(daemon, name, file, env);
const idOf = (container: string) => daemon.out("inspect", "-f", "{{.Id}}", container);

describe("compose: what is made anew", () => {
  test("a network that the file changed, with the containers that are on it", async () => {
    const file = (subnet: string) => `services:
  web: {image: busybox, command: ${LOOP}, networks: [front]}
  job: {image: busybox, command: "true", networks: [front]}
  other: {image: busybox, command: ${LOOP}, networks: [back]}
networks:
  front: {ipam: {config: [{subnet: ${subnet}}]}}
  back:
`;
    const nets = project("nets", file("172.31.80.0/24"));
    await nets.ok("up", "-d");
    const before = { web: await idOf("nets-web-1"), other: await idOf("nets-other-1") };
    expect((await nets.compose("up", "-d")).stderr).not.toContain("Recreate");
    nets.write("compose.yaml", file("172.31.81.0/24"));
    const planned = (await nets.compose("up", "-d", "--dry-run")).stderr;
    expect(planned).toContain("remove network nets_front");
    expect((await nets.compose("up", "-d", "--no-recreate")).exitCode).toBe(0);
    expect(await idOf("nets-web-1")).toBe(before.web);
    await nets.ok("up", "-d", "-t", "1");
    const address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    expect(await daemon.out("inspect", "-f", address, "nets-web-1")).toStartWith("172.31.81.");
    expect(await idOf("nets-web-1")).not.toBe(before.web);
    expect(await idOf("nets-other-1")).toBe(before.other);
    expect((await nets.compose("up", "-d")).stderr).not.toContain("Recreate");
    await nets.ok("down", "-t", "1");
  }, 60_000);

  test("a network with containers of others stays, and up says why", async () => {
    const file = (icc: string) => `services:
  web: {image: busybox, command: ${LOOP}}
networks: {default: {driver_opts: {com.docker.network.bridge.enable_icc: "${icc}"}}}
`;
    const shared = project("shared", file("true"));
    await shared.ok("up", "-d");
    await daemon.out(
      "run",
      "-d",
      "--name",
      "guest",
      "--network",
      "shared_default",
      "busybox",
      "sleep",
      "1000",
    );
    shared.write("compose.yaml", file("false"));
    const failed = await shared.compose("up", "-d", "-t", "1");
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain("has active endpoints");
    await daemon.out("rm", "-f", "guest");
    await shared.ok("up", "-d");
    expect(await shared.states()).toEqual(["shared-web-1 running"]);
    await shared.ok("down", "-t", "1");
  }, 60_000);

  test("containers whose secrets or configs changed; a volume that changed is told and kept", async () => {
    const file = (text: string, label: string) => `services:
  web: {image: busybox, command: ${LOOP}, configs: [conf], secrets: [{source: key, mode: 0400}, token], volumes: [data:/data]}
  other: {image: busybox, command: ${LOOP}}
configs: {conf: {content: ${text}}}
secrets: {key: {file: ./key}, token: {environment: TOKEN}}
volumes: {data: {labels: {is: ${label}}}}
`;
    const files = project("files", file("one", "old"), { TOKEN: "t1" });
    files.write("key", "k1");
    await files.ok("up", "-d");
    const other = await idOf("files-other-1");
    let last = await idOf("files-web-1");
    const isMadeAnew = async (run = files): Promise<boolean> => {
      await run.ok("up", "-d", "-t", "1");
      const now = await idOf("files-web-1");
      const changed = now !== last;
      last = now;
      return changed;
    };
    expect(await isMadeAnew()).toBe(false);
    files.write("key", "k2");
    expect(await isMadeAnew()).toBe(true);
    files.write("compose.yaml", file("two", "old"));
    expect(await isMadeAnew()).toBe(true);
    expect(await files.ok("exec", "web", "cat", "/conf", "/run/secrets/key", "/run/secrets/token")).toBe(
      "twok2t1",
    );
    const next = composeProject(daemon, "files", file("two", "old"), { TOKEN: "t2" });
    expect(await isMadeAnew(next)).toBe(true);
    expect(await isMadeAnew(next)).toBe(false);
    next.write("compose.yaml", file("two", "new"));
    await next.ok("exec", "web", "touch", "/data/kept");
    const told = await next.compose("up", "-d");
    expect(told.stderr).toContain(
      'volume \\"files_data\\" exists but doesn\'t match configuration in compose file',
    );
    expect(await next.ok("exec", "web", "ls", "/data")).toBe("kept\n");
    expect(await idOf("files-other-1")).toBe(other);
    await next.ok("down", "-v", "-t", "1");
  }, 60_000);
});

describe("compose: how it ends", () => {
  const statuses: [string, string, string[], number, string][] = [
    ["an unknown flag", "{image: busybox}", ["up", "--nosuch"], 16, "unknown flag: --nosuch"],
    ["a file that is no project", "{imag: x}", ["up", "-d"], 15, "Did you mean image?"],
    [
      "a file that is not there",
      "{image: busybox}",
      ["-f", "nope.yaml", "up"],
      14,
      "nope.yaml: no such file",
    ],
    [
      "a link to nobody",
      "{image: busybox, external_links: [nobody]}",
      ["up", "-d"],
      1,
      "No such container: nobody",
    ],
    [
      "a build that fails",
      '{build: {dockerfile_inline: "FROM busybox\\nRUN exit 7"}}',
      ["up", "-d"],
      17,
      'failed to solve: process "/bin/sh -c exit 7" did not complete successfully: exit code: 7',
    ],
    ["an image that nobody has", '{image: "localhost:1/x"}', ["up", "-d"], 18, "connection refused"],
    [
      "an image that must be there",
      "{image: nope, pull_policy: never}",
      ["up", "-d"],
      1,
      "No such image: nope:latest",
    ],
    [
      "a pull policy that is none",
      "{image: busybox, pull_policy: often}",
      ["config"],
      15,
      "pull_policy must be one of",
    ],
    ["a service that is none", "{image: busybox}", ["up", "--exit-code-from", "x"], 1, "no such service: x"],
    [
      "nothing to attach to",
      "{image: busybox}",
      ["up", "--attach", "x"],
      1,
      "cannot attach to services not included in up: x",
    ],
  ];
  test.each(statuses)(
    "%s",
    async (_what, service, words, status, sentence) => {
      const bad = project("status", `services:\n  web: ${service}\n`);
      const { exitCode, stderr } = await bad.compose(...words);
      expect([exitCode, stderr]).toEqual([status, expect.stringContaining(sentence)]);
      expect(await bad.states()).toEqual([]);
    },
    30_000,
  );

  test("--wait does not believe a program that ends at once, nor one that restarts forever", async () => {
    const brief = project("brief", 'services: {web: {image: busybox, command: ["sh", "-c", "exit 4"]}}\n');
    const ended = await brief.compose("up", "-d", "--wait");
    expect([ended.exitCode, ended.stderr]).toEqual([
      1,
      expect.stringContaining("container brief-web-1 exited (4)"),
    ]);
    brief.write(
      "compose.yaml",
      'services: {web: {image: busybox, restart: always, command: ["sh", "-c", "exit 4"]}}\n',
    );
    const never = await brief.compose("up", "-d", "--wait", "--wait-timeout", "2");
    expect(never.exitCode).toBe(1);
    await brief.ok("down", "-t", "1");
  }, 60_000);

  test("services are built side by side, each under its name", async () => {
    const two = project(
      "two",
      `services:
  web: {build: {dockerfile_inline: "FROM busybox\\nRUN echo first > /first"}}
  api: {build: {dockerfile_inline: "FROM web\\nRUN cat /first", additional_contexts: {web: "service:web"}}}
`,
    );
    const built = await two.compose("build");
    expect([built.exitCode, built.stdout]).toEqual([0, ""]);
    expect(built.stderr).toContain("[web 2/2] RUN echo first > /first");
    expect(built.stderr).toContain("[api 1/1] RUN cat /first");
    expect(built.stderr).toMatch(/ (web|api) {2}Built\n (web|api) {2}Built\n$/);
    expect(await two.ok("build", "-q")).toBe("");
  }, 60_000);

  test("logs: everything on stdout", async () => {
    const loud = project(
      "loud",
      'services: {web: {image: busybox, command: ["sh", "-c", "echo out; echo err >&2"]}}\n',
    );
    await loud.ok("up", "-d");
    await daemon.out("wait", "loud-web-1");
    const { stdout, stderr } = await loud.compose("logs");
    expect(stdout.split("\n").sort()).toEqual(["", "web-1  | err", "web-1  | out"]);
    expect(stderr).toBe("");
    await loud.ok("down");
  }, 60_000);

  test("logs -f of a container that had ended: what it says next, once", async () => {
    const again = project(
      "again",
      'services: {web: {image: busybox, command: ["sh", "-c", "echo run; test -e /once && sleep 1000; touch /once"]}}\n',
    );
    await again.ok("up", "-d");
    await daemon.out("wait", "again-web-1");
    const child = daemon.spawn(["berth", "compose", "logs", "-f"], { cwd: again.folder });
    let shown = "";
    void (async () => {
      for await (const chunk of child.stdout) shown += new TextDecoder().decode(chunk);
    })();
    await eventually("the first run is shown", () => shown.includes("run\n"));
    await again.ok("start");
    await eventually("the second run is shown", () => shown.split("run\n").length > 2);
    child.kill("SIGINT");
    await child.exited;
    expect(shown).toBe("web-1  | run\nweb-1  | run\n");
    await again.ok("down", "-t", "0");
  }, 60_000);

  test("Ctrl-C on a terminal: last words stand above the progress of the stop", async () => {
    const last = project(
      "last",
      `services: {web: {image: busybox, command: ["sh", "-c", "trap 'echo good bye; exit 0' TERM; echo hi; while :; do sleep 0.1; done"]}}\n`,
    );
    const terminal = daemon.terminal(["berth", "compose", "-f", `${last.folder}/compose.yaml`, "up"]);
    await terminal.until("| ");
    terminal.type("\x03");
    expect(await terminal.exited).toBe(130);
    const text = terminal.screen();
    expect(text).toContain("good bye");
    // What is drawn last begins below them.
    expect(text.lastIndexOf("[+] Stopping 1/1")).toBeGreaterThan(text.indexOf("good bye"));
    await last.ok("down");
  }, 60_000);

  test("variables: orphans removed or not told, progress on stdout, .env left out", async () => {
    const file = "services: {web: {image: busybox, command: sleep 1000}}\n";
    const orphan = () =>
      project("env", `${file.replace("}}", "}, old: {image: busybox, command: sleep 1000}}")}`).ok(
        "up",
        "-d",
      );
    await orphan();
    const told = await project("env", file).compose("up", "-d");
    expect(told.stderr).toContain("Found orphan containers ([env-old-1])");
    const silent = await project("env", file, { COMPOSE_IGNORE_ORPHANS: "1" }).compose("up", "-d");
    expect(silent.stderr).not.toContain("orphan");
    const both = await project("env", file, { COMPOSE_IGNORE_ORPHANS: "1" }).compose(
      "up",
      "--remove-orphans",
    );
    expect([both.exitCode, both.stderr]).toEqual([
      1,
      "cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans\n",
    ]);
    const env = project("env", file);
    env.write(".env", "COMPOSE_REMOVE_ORPHANS=1\nTAG=x\n");
    await env.ok("up", "-d", "-t", "0");
    expect(await env.states()).toEqual(["env-web-1 running"]);
    const shown = await project("env", file, { COMPOSE_STATUS_STDOUT: "1" }).compose("down", "-t", "0");
    expect([shown.stdout, shown.stderr]).toEqual([expect.stringContaining("env-web-1  Removed"), ""]);
    const using = project("env", "services: {web: {image: 'busybox:${TAG:-none}'}}\n", {
      COMPOSE_DISABLE_ENV_FILE: "1",
    });
    expect(await using.ok("config", "--images")).toBe("busybox:none\n");
  }, 60_000);

  test("--dry-run changes nothing, whatever the command", async () => {
    const dry = project(
      "dry",
      `services:\n  web: {image: busybox, command: ${LOOP}, depends_on: [db], volumes: ["data:/data"]}\n  db: {image: busybox, command: ${LOOP}}\nvolumes: {data: {}}\n`,
    );
    await dry.ok("up", "-d");
    const label = "label=com.docker.compose.project=dry";
    const everything = async () =>
      JSON.stringify([
        (await dry.states()).sort(),
        await daemon.out("ps", "-aq", "--filter", label),
        await daemon.out("volume", "ls", "-q"),
        await daemon.out("network", "ls", "-q", "--filter", label),
        await daemon.out("diff", "dry-web-1"),
      ]);
    const before = await everything();
    for (const words of [
      "down -v --rmi all",
      "stop",
      "restart",
      "kill",
      "pause",
      "rm -fs",
      "up -d --force-recreate",
      "create --force-recreate",
      "scale db=3",
      "run --rm web touch /marker",
      "run -d web true",
      "exec -T web touch /marker",
      "cp /etc/passwd web:/marker",
    ]) {
      const { stderr } = await dry.compose("--dry-run", ...words.split(" "));
      expect([words, stderr]).toEqual([words, expect.stringMatching(/DRY-RUN MODE|dry-run mode/)]);
      expect([words, await everything()]).toEqual([words, before]);
    }
    await dry.ok("down", "-v", "-t", "1");
  }, 60_000);

  test("in the foreground what was begun is stopped: at Ctrl-C, at a failure, at the end of another", async () => {
    const file = (job: string) => `services:
  web: {image: busybox, command: ${LOOP}}
  slow: {image: busybox, command: ${LOOP}, healthcheck: {test: "false", interval: 1h}}
  job: {image: busybox, ${job}}
  last: {image: busybox, command: ${LOOP}, depends_on: {slow: {condition: service_healthy}}}
`;
    const begun = project("begun", file("command: sleep 1000"));
    const up = daemon.spawn(["berth", "compose", "up", "-t", "1"], { cwd: begun.folder });
    await eventually("web runs", async () => (await begun.states()).includes("begun-web-1 running"));
    up.kill("SIGINT");
    expect(await up.exited).toBe(130);
    expect((await begun.states()).filter((state) => state.endsWith(" running"))).toEqual([]);
    begun.write("compose.yaml", file("command: nosuchcommand, depends_on: [web]"));
    const failed = await begun.compose("up", "-t", "1");
    expect([failed.exitCode, failed.stderr]).toEqual([1, expect.stringContaining('"nosuchcommand"')]);
    expect((await begun.states()).filter((state) => state.endsWith(" running"))).toEqual([]);
    begun.write("compose.yaml", file('command: ["sh", "-c", "exit 5"]'));
    const ended = await begun.compose("up", "--abort-on-container-exit", "-t", "1");
    expect(ended.exitCode).toBe(5);
    expect((await begun.states()).filter((state) => state.endsWith(" running"))).toEqual([]);
    await begun.ok("down");
  }, 60_000);

  test("without its profile a service is left alone; with it, or by its name, it is not", async () => {
    const file = `services:
  web: {image: busybox, command: ${LOOP}}
  tool: {image: busybox, command: ${LOOP}, profiles: [tools]}
`;
    const some = project("some", file);
    await some.ok("--profile", "tools", "up", "-d");
    const states = async () => (await some.states()).sort();
    await some.ok("stop", "-t", "1");
    expect(await states()).toEqual(["some-tool-1 running", "some-web-1 exited"]);
    expect(await some.ok("logs")).not.toContain("tool-1");
    await some.ok("up", "-d");
    await some.ok("down", "-t", "1");
    expect(await states()).toEqual(["some-tool-1 running"]);
    await some.ok("stop", "-t", "1", "tool");
    expect(await states()).toEqual(["some-tool-1 exited"]);
    await some.ok("--profile", "tools", "down");
    expect(await states()).toEqual([]);
    expect(await daemon.out("network", "ls", "-q", "--filter", "name=some_default")).toBe("");
  }, 60_000);

  test("several up --force-recreate at once all end well", async () => {
    const crowd = project(
      "crowd",
      `services: {a: {image: busybox, command: ${LOOP}}, b: {image: busybox, command: ${LOOP}}}\n`,
    );
    await crowd.ok("up", "-d");
    const ups = await Promise.all(
      [1, 2, 3].map(() => crowd.compose("up", "-d", "--force-recreate", "-t", "1")),
    );
    expect(ups.map(({ exitCode, stderr }) => (exitCode === 0 ? "" : stderr))).toEqual(["", "", ""]);
    expect((await crowd.states()).map((state) => state.replace(/-\d+ /, " ")).sort()).toEqual([
      "crowd-a running",
      "crowd-b running",
    ]);
    await crowd.ok("down", "-t", "1");
  }, 90_000);
});
