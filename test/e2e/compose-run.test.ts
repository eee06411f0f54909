/** Compose projects on a real daemon: brought up, changed, looked at, ended. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
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

describe("compose", () => {
  test("up, again, ps, logs, exec, port, down", async () => {
    const port = daemon.port();
    const shop = project(
      "shop",
      `services:
  web:
    image: busybox
    command: ${LOOP}
    ports: ["127.0.0.1:${port}:80"]
    depends_on: [db]
  db:
    image: busybox
    command: ${LOOP}
    volumes: [data:/data]
volumes: {data: }
`,
    );
    const first = await shop.compose("up", "-d");
    expect(first.stderr).toContain(" Container shop-web-1  Started\n");
    expect(first.stderr).toContain(' Volume "shop_data"  Created\n');
    expect(first.stderr.indexOf("shop-db-1  Started")).toBeLessThan(
      first.stderr.indexOf("shop-web-1  Starting"),
    );
    const second = await shop.compose("up", "-d");
    expect(second.stderr.split("\n").sort()).toEqual([
      "",
      " Container shop-db-1  Running",
      " Container shop-web-1  Running",
    ]);
    expect(await shop.states()).toEqual(["shop-db-1 running", "shop-web-1 running"]);
    await eventually("both have written", async () => (await shop.ok("logs")).match(/hello/g)?.length === 2);
    expect(await shop.ok("logs", "web")).toMatch(/^web-1 {2}\| hello from \w+\n$/);
    expect(await shop.ok("exec", "web", "echo", "hi")).toBe("hi\n");
    expect(await shop.ok("port", "web", "80")).toBe(`127.0.0.1:${port}\n`);
    expect((await shop.compose("exec", "nope", "true")).stderr).toBe('service "nope" is not running\n');
    const listed = JSON.parse(await shop.ok("ls", "--format", "json")) as { Name: string; Status: string }[];
    expect(listed.find(({ Name }) => Name === "shop")?.Status).toBe("running(2)");
    const down = await shop.compose("down", "-v");
    expect(down.stderr.indexOf("shop-web-1  Removed")).toBeLessThan(
      down.stderr.indexOf("shop-db-1  Stopping"),
    );
    expect(down.stderr).toContain(" Volume shop_data  Removed\n");
    expect(await daemon.out("ps", "-aq", "--filter", "label=com.docker.compose.project=shop")).toBe("");
    expect((await shop.compose("down")).stderr).toContain('No resource found to remove for project "shop"');
  }, 60_000);

  test("only what changed is made anew; anonymous volumes are carried over", async () => {
    const file = `services:
  web: {image: busybox, command: ${LOOP}, environment: {V: "\${V:-1}"}, volumes: [/anonymous]}
  db: {image: busybox, command: ${LOOP}}
`;
    const shop = project("anew", file);
    await shop.ok("up", "-d");
    await shop.ok("exec", "web", "touch", "/anonymous/kept");
    const [web, db] = await Promise.all([shop.ok("ps", "-q", "web"), shop.ok("ps", "-q", "db")]);
    const changed = shop.withEnvironment({ V: "2" });
    await changed.ok("up", "-d");
    expect(await changed.ok("ps", "-q", "web")).not.toBe(web);
    expect(await changed.ok("ps", "-q", "db")).toBe(db);
    expect(await changed.ok("exec", "web", "ls", "/anonymous")).toBe("kept\n");
    expect(await changed.ok("exec", "web", "sh", "-c", "echo $V")).toBe("2\n");
    await changed.ok("up", "-d", "-V", "--force-recreate", "web");
    expect(await changed.ok("exec", "web", "ls", "/anonymous")).toBe("");
    await changed.ok("down", "-v", "-t", "1");
  }, 60_000);

  test("conditions: healthy, completed; a failure is told and a second up finishes", async () => {
    const file = `services:
  web:
    image: busybox
    command: ${LOOP}
    depends_on:
      db: {condition: service_healthy}
      job: {condition: service_completed_successfully}
  db:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; touch /ready; sleep 1000 & wait"]
    healthcheck: {test: "test -e /ready", interval: 200ms, retries: 50}
  job: {image: busybox, command: ["sh", "-c", "exit \${CODE:-0}"]}
`;
    const bad = project("conditions", file, { CODE: "3" });
    const failed = await bad.compose("up", "-d");
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toEndWith(`service "job" didn't complete successfully: exit 3\n`);
    expect(await bad.states()).toContain("conditions-web-1 created");
    const good = project("conditions", file);
    const { stderr } = await good.compose("up", "-d");
    expect(stderr).toContain(" Container conditions-db-1  Healthy\n");
    expect(stderr).toContain(" Container conditions-job-1  Exited\n");
    expect(await good.states()).toContain("conditions-web-1 running");
    await good.ok("down", "-t", "1");
  }, 60_000);

  test("secrets and configs: from files, variables and the file itself; owner and mode", async () => {
    const shop = project(
      "files",
      `services:
  web:
    image: busybox
    command: ${LOOP}
    secrets: [one, {source: two, target: /foo/two, uid: "5", gid: "6", mode: 0400}]
    configs: [text]
secrets: {one: {file: ./one.txt}, two: {environment: TWO}}
configs: {text: {content: "some text"}}
`,
      { TWO: "second" },
    );
    shop.write("one.txt", "first");
    await shop.ok("up", "-d");
    const script = "cat /run/secrets/one /foo/two /text; stat -c ' %u %g %a' /foo/two";
    expect(await shop.ok("exec", "web", "sh", "-c", script)).toBe("firstsecondsome text 5 6 400\n");
    await shop.ok("down", "-t", "1");
  }, 60_000);

  test("scale, orphans, several at once", async () => {
    const shop = project(
      "many",
      `services:\n  web: {image: busybox, command: ${LOOP}}\n  old: {image: busybox, command: ${LOOP}}\n`,
    );
    const both = await Promise.all([shop.compose("up", "-d"), shop.compose("up", "-d")]);
    expect(both.map(({ exitCode, stderr }) => (exitCode === 0 ? "" : stderr))).toEqual(["", ""]);
    expect(await shop.states()).toEqual(["many-old-1 running", "many-web-1 running"]);
    await shop.ok("up", "-d", "--scale", "web=3");
    expect((await shop.states()).filter((line) => line.includes("web"))).toHaveLength(3);
    shop.write("compose.yaml", `services:\n  web: {image: busybox, command: ${LOOP}}\n`);
    expect((await shop.compose("up", "-d")).stderr).toContain(
      "Found orphan containers ([many-old-1]) for this project.",
    );
    await shop.ok("up", "-d", "--remove-orphans");
    expect(await shop.states()).toEqual(["many-web-1 running"]);
    await shop.ok("down", "-t", "1");
  }, 60_000);

  test("hooks run after the start and before the stop", async () => {
    const shop = project(
      "hooks",
      `services:
  web:
    image: busybox
    command: ${LOOP}
    volumes: [./out:/out]
    post_start: [{command: ["sh", "-c", "echo started >> /out/log"]}]
    pre_stop: [{command: ["sh", "-c", "echo stopping >> /out/log"]}]
`,
    );
    await shop.ok("up", "-d");
    await shop.ok("down", "-t", "1");
    expect(await Bun.file(join(shop.folder, "out/log")).text()).toBe("started\nstopping\n");
  }, 60_000);

  test("run: a container of its own, with what it needs", async () => {
    const shop = project(
      "once",
      `services:
  web: {image: busybox, command: ${LOOP}, depends_on: [db], environment: {A: "1"}}
  db: {image: busybox, command: ${LOOP}}
`,
    );
    const ran = await shop.compose("run", "--rm", "-e", "B=2", "web", "sh", "-c", "echo $A$B; exit 7");
    expect([ran.stdout, ran.exitCode]).toEqual(["12\n", 7]);
    expect(await shop.states()).toEqual(["once-db-1 running"]);
    const id = (await shop.ok("run", "-d", "--no-deps", "web")).trim();
    const name = await daemon.out("inspect", "-f", "{{.Name}}", id);
    expect(name).toMatch(/^\/once-web-run-[0-9a-f]{12}$/);
    await shop.ok("down", "-t", "1");
    expect(await daemon.out("ps", "-aq", "--filter", "label=com.docker.compose.project=once")).toBe("");
  }, 60_000);

  test("in the foreground: output of all, the first end stops the rest, its status is ours", async () => {
    const shop = project(
      "front",
      `services:
  web: {image: busybox, command: ${LOOP}}
  job: {image: busybox, command: ["sh", "-c", "echo working; exit 5"]}
`,
    );
    const { stdout, exitCode } = await shop.compose("up", "--abort-on-container-exit", "-t", "1");
    expect(exitCode).toBe(5);
    expect(stdout).toStartWith("Attaching to job-1, web-1\n");
    expect(stdout).toContain("job-1  | working\n");
    expect(stdout).toContain("job-1 exited with code 5\n");
    expect(stdout).toContain("Aborting on container exit...\n");
    await shop.ok("down");
  }, 60_000);

  test("--abort-on-container-failure: success ends nothing, a failure ends all", async () => {
    const shop = project(
      "failing",
      `services:
  good: {image: busybox, command: ["true"]}
  bad: {image: busybox, command: ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 4"]}
`,
    );
    const child = daemon.spawn(["berth", "compose", "up", "--abort-on-container-failure", "-t", "1"], {
      cwd: shop.folder,
      stdout: "pipe",
      stderr: "pipe",
    });
    await eventually("the end of the good one", async () =>
      (await shop.states()).includes("failing-good-1 exited"),
    );
    expect(await shop.states()).toContain("failing-bad-1 running");
    await shop.ok("exec", "-T", "bad", "touch", "/tmp/go");
    expect(await child.exited).toBe(4);
    expect(await new Response(child.stdout).text()).toContain("Aborting on container exit...\n");
    await shop.ok("down");
  }, 60_000);

  test("Ctrl-C stops in order; logs are followed across a restart", async () => {
    const shop = project("keys", `services:\n  web: {image: busybox, command: ${LOOP}}\n`);
    const child = daemon.spawn(["berth", "compose", "up"], {
      cwd: shop.folder,
      stdout: "pipe",
      stderr: "pipe",
    });
    let shown = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) shown += new TextDecoder().decode(chunk);
    })();
    await eventually("the container's output", () => shown.includes("hello"));
    await shop.ok("restart", "-t", "1", "web");
    await eventually("its output after the restart", () => shown.match(/hello/g)?.length === 2);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    await reading;
    expect(shown).toContain("Gracefully stopping... (press Ctrl+C again to force)\n");
    expect(await shop.states()).toEqual(["keys-web-1 exited"]);
    await shop.ok("down");
  }, 60_000);

  test("watch: changed files go into the container", async () => {
    const shop = project(
      "watched",
      `services:
  web:
    image: busybox
    command: ${LOOP}
    develop: {watch: [{path: ./src, action: sync, target: /src, ignore: ["*.tmp"]}]}
`,
    );
    shop.write("src/a", "1");
    const child = daemon.spawn(["berth", "compose", "watch"], {
      cwd: shop.folder,
      stdout: "pipe",
      stderr: "pipe",
    });
    let shown = "";
    void (async () => {
      for await (const chunk of child.stdout) shown += new TextDecoder().decode(chunk);
    })();
    await eventually("it watches", () => shown.includes("Watch enabled"));
    shop.write("src/a", "2");
    shop.write("src/b.tmp", "3");
    await eventually(
      "the change is there",
      async () => (await shop.compose("exec", "web", "cat", "/src/a")).stdout === "2",
    );
    expect(await shop.ok("exec", "web", "ls", "/src")).toBe("a\n");
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    await shop.ok("down", "-t", "1");
  }, 60_000);

  test("dependencies hold when the daemon and all containers start again", async () => {
    const policy = "restart: always";
    const shop = project(
      "order",
      `services:
  web: {image: busybox, command: ${LOOP}, ${policy}, depends_on: {db: {condition: service_healthy}}}
  db:
    image: busybox
    restart: always
    command: ["sh", "-c", "trap 'exit 0' TERM; rm -f /ready; sleep 1; touch /ready; sleep 1000 & wait"]
    healthcheck: {test: "test -e /ready", interval: 200ms, retries: 50}
`,
    );
    await shop.ok("up", "-d");
    const id = async (service: string) => (await shop.ok("ps", "-aq", service)).trim();
    const [web, db] = [await id("web"), await id("db")];
    const inspect = async (name: string) =>
      JSON.parse(await daemon.out("inspect", name))[0] as { State: { Pid: number; StartedAt: string } };
    const before = await inspect(web);
    const pids = [before.State.Pid, (await inspect(db)).State.Pid];
    await daemon.kill("SIGKILL");
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await daemon.start();
    await eventually("web runs again", async () => {
      const { State } = await inspect(web);
      return State.StartedAt !== before.State.StartedAt && State.Pid > 0;
    });
    const started = [(await inspect(db)).State.StartedAt, (await inspect(web)).State.StartedAt];
    expect(Date.parse(started[1]!) - Date.parse(started[0]!)).toBeGreaterThan(100);
    await shop.ok("down", "-t", "1");
  }, 60_000);

  test("docker-compose 1.29 and ours take each other's project over", async () => {
    const shop = project(
      "both",
      `version: "2.4"\nservices:\n  web: {image: busybox, command: ${LOOP}, volumes: [data:/data]}\nvolumes: {data: {}}\n`,
    );
    const v1 = (...words: string[]) =>
      daemon.run(["/usr/bin/docker-compose", ...words], { cwd: shop.folder });
    const up = await v1("-f", "compose.yaml", "up", "-d");
    expect([up.exitCode, up.stderr]).toEqual([0, expect.stringContaining("both_web_1")]);
    expect(await shop.states()).toEqual(["both_web_1 running"]);
    expect(await shop.ok("exec", "web", "echo", "hi")).toBe("hi\n");
    await shop.ok("exec", "web", "touch", "/data/kept");
    await shop.ok("up", "-d", "-t", "1");
    expect(await shop.states()).toEqual(["both-web-1 running"]);
    expect(await shop.ok("exec", "web", "ls", "/data")).toBe("kept\n");
    expect((await v1("-f", "compose.yaml", "ps")).stdout).toContain("both-web-1");
    expect((await v1("-f", "compose.yaml", "down", "-v", "-t", "1")).exitCode).toBe(0);
    expect(await shop.states()).toEqual([]);
  }, 90_000);
});
