/** Terminals: run -it, exec -it, attach, resizing, detaching, signals. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";
import { eventually } from "../harness/wait.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

/** A prompt that no command line repeats. */
const SHELL = ["sh", "-c", "PS1='ready'': ' exec sh"];

for (const client of engineOfThisRun() === "berth" ? ["docker", "berth"] : ["docker"]) {
  test(`${client} run -it: a shell as on a terminal`, async () => {
    const shell = daemon.terminal([client, "run", "--rm", "-it", "busybox", ...SHELL], {
      columns: 101,
      rows: 37,
    });
    await shell.until("ready: ");
    shell.type("stty size; tty\r");
    await shell.until("37 101");
    await shell.until("/dev/pts/0");
    await shell.until("ready: ");
    shell.resize(90, 20);
    await eventually("the new size is seen inside", async () => {
      shell.type("stty size\r");
      const shown = await shell.until(/\d+ \d+\r\n/);
      return shown.includes("20 90");
    });
    shell.type("exit 6\r");
    expect(await shell.exited).toBe(6);
  });

  test(`${client} run -it: control-c interrupts the command, not the shell`, async () => {
    const shell = daemon.terminal([client, "run", "--rm", "-it", "busybox", ...SHELL]);
    await shell.until("ready: ");
    shell.type("echo beg''un; sleep 1000\r");
    await shell.until("begun");
    shell.type("\x03");
    await shell.until("ready: ");
    shell.type("echo still $((20 + 2)) here; exit\r");
    await shell.until("still 22 here");
    expect(await shell.exited).toBe(0);
  });

  test(`${client} exec -it: window size, and its own exit status`, async () => {
    await daemon.out("run", "-d", "--name", `exec-${client}`, "busybox", "sleep", "1000");
    const shell = daemon.terminal([client, "exec", "-it", `exec-${client}`, ...SHELL], {
      columns: 77,
      rows: 33,
    });
    await shell.until("ready: ");
    await eventually("the size arrived", async () => {
      shell.type("stty size\r");
      return (await shell.until(/\d+ \d+\r\n/)).includes("33 77");
    });
    shell.type("exit 4\r");
    expect(await shell.exited).toBe(4);
    await daemon.out("rm", "-f", `exec-${client}`);
  });

  test(`${client} attach: detach with the keys, the container runs on, attach again`, async () => {
    const name = `attach-${client}`;
    await daemon.out("run", "-dit", "--name", name, "busybox", ...SHELL);
    const first = daemon.terminal([client, "attach", name]);
    await eventually("attached", async () => {
      first.type("\r");
      return first.screen().includes("ready: ");
    });
    first.type("kept=yes\r");
    await first.until("kept=yes");
    first.type("\x10\x11");
    await first.until("read escape sequence");
    await first.exited;
    expect(await daemon.out("inspect", "-f", "{{.State.Running}}", name)).toBe("true");
    const second = daemon.terminal([client, "attach", "--detach-keys", "ctrl-x", name]);
    await eventually("the same shell answers", async () => {
      second.type("echo kept is $kept\r");
      return second.screen().includes("kept is yes");
    });
    second.type("\x18");
    await second.until("read escape sequence");
    await second.exited;
    await daemon.out("rm", "-f", name);
  });
}

for (const client of engineOfThisRun() === "berth" ? ["docker", "berth"] : ["docker"]) {
  test(`${client} attach: what is there is drawn again, with no key pressed`, async () => {
    const name = `redraw-${client}`;
    const loop = "trap 'echo the size changed' WINCH; while :; do sleep 0.05; done";
    await daemon.out("run", "-dt", "--name", name, "busybox", "sh", "-c", loop);
    for (let time = 0; time < 2; time++) {
      const screen = daemon.terminal([client, "attach", name]);
      await screen.until("the size changed");
      screen.kill("SIGKILL");
      await screen.exited;
    }
    await daemon.out("rm", "-f", name);
  });

  test(`${client} run -it: what is typed before the container runs reaches it`, async () => {
    const shell = daemon.terminal([
      client,
      "run",
      "--rm",
      "-it",
      "busybox",
      "sh",
      "-c",
      "read x; echo got-$x",
    ]);
    shell.type("early\r");
    await shell.until("got-early");
    expect(await shell.exited).toBe(0);
  });

  test(`${client} exec -it: left with the keys`, async () => {
    const name = `leave-${client}`;
    await daemon.out("run", "-d", "--name", name, "busybox", "sleep", "1000");
    const shell = daemon.terminal([client, "exec", "-it", name, ...SHELL]);
    await shell.until("ready: ");
    shell.type("\x10\x11");
    await shell.until("read escape sequence");
    expect(await shell.exited).toBe(1);
    await daemon.out("rm", "-f", name);
  });
}

test("run -it leaves when the container is removed under it", async () => {
  const shell = daemon.terminal(["docker", "run", "-it", "--name", "removed", "busybox", ...SHELL]);
  await shell.until("ready: ");
  await daemon.out("rm", "-f", "removed");
  expect(await shell.exited).toBe(137);
});

test("a large paste arrives whole", async () => {
  const bytes = 60_000;
  const shell = daemon.terminal([
    "docker",
    "run",
    "--rm",
    "-it",
    "busybox",
    "sh",
    "-c",
    `stty raw -echo; echo go; head -c ${bytes} | md5sum`,
  ]);
  await shell.until("go");
  const text = Array.from({ length: bytes / 10 }, (_, index) => String(index).padStart(9, "0") + ",").join(
    "",
  );
  shell.type(text);
  await shell.until(new Bun.CryptoHasher("md5").update(text).digest("hex"));
  expect(await shell.exited).toBe(0);
});

test("signals to docker run without a terminal reach the container", async () => {
  const child = daemon.spawn([
    "docker",
    "run",
    "--rm",
    "--name",
    "proxied",
    "busybox",
    "sh",
    "-c",
    "trap 'echo got term; exit 9' TERM; echo up; while :; do sleep 0.05; done",
  ]);
  await eventually("the trap is set", async () =>
    (await daemon.docker("logs", "proxied")).stdout.includes("up"),
  );
  child.kill("SIGTERM");
  expect(await new Response(child.stdout).text()).toBe("up\ngot term\n");
  expect(await child.exited).toBe(9);
});
