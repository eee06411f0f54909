import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineBench } from "./testing/engine-bench.ts";

let bench: EngineBench;
beforeEach(() => {
  bench = new EngineBench();
});
afterEach(() => bench[Symbol.asyncDispose]());
const never = new AbortController().signal;
const remove = { volumes: false, force: false, link: false };

describe("start, end, remove", () => {
  test("a container runs, ends, is started again and removed without a trace", async () => {
    const id = await bench.run(["exit", "3"], { name: "web" });
    expect(await bench.wait("web")).toBe(3);
    const inspect = await bench.containers.inspect("web", { size: false });
    expect(inspect.State).toMatchObject({ Status: "exited", ExitCode: 3, Running: false, Pid: 0 });
    expect(inspect.Id).toBe(id);
    await bench.containers.start("web", {});
    expect(await bench.wait("web")).toBe(3);
    await bench.containers.remove("web", remove);
    expect(bench.leftovers()).toEqual([]);
    expect(bench.actions("container")).toEqual(["create", "start", "die", "start", "die", "destroy"]);
  });

  test("what runs is not started again, removed or renamed over", async () => {
    const id = await bench.run(["sleep"], { name: "web" });
    await expect(bench.containers.start("web", {})).rejects.toMatchObject({ kind: "not-modified" });
    await expect(bench.containers.remove("web", remove)).rejects.toThrow(
      `You cannot remove a running container ${id}. Stop the container before attempting removal or force remove`,
    );
    await expect(bench.create(["sleep"], { name: "web" })).rejects.toThrow(
      `Conflict. The container name "/web" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    await bench.containers.remove("web", { ...remove, force: true });
    expect(bench.leftovers()).toEqual([]);
  });

  test("--rm removes it after its end, its anonymous volumes too", async () => {
    const id = await bench.create(["exit", "7"], {
      host: { AutoRemove: true },
      config: { Volumes: { "/data": {} } },
    });
    const { outcome } = await bench.containers.wait(id, "removed", never);
    await bench.containers.start(id, {});
    expect(await outcome).toEqual({ statusCode: 7 });
    expect(bench.leftovers()).toEqual([]);
  });

  test("a command that is not there: 127, the sentence, everything taken back", async () => {
    await bench.create(["nope"], { name: "web" });
    await expect(bench.containers.start("web", {})).rejects.toThrow(
      "OCI runtime create failed: nope: not found",
    );
    await bench.containers.start("web", {}).catch(() => {});
    const { State: state } = await bench.containers.inspect("web", { size: false });
    expect(state).toMatchObject({
      Status: "created",
      ExitCode: 127,
      Error: "OCI runtime create failed: nope: not found",
    });
    expect(bench.world.running).toEqual([]);
    expect([...bench.networks.allocated]).toEqual([]);
  });

  test("every step of a start is taken back when a later one fails", async () => {
    await bench.create(["sleep"], { name: "web" });
    for (const breakIt of [
      () => (bench.world.failLaunch = new Error("broken")),
      () => (bench.networks.failPublish = new Error("broken")),
    ]) {
      breakIt();
      expect(await bench.containers.start("web", {}).catch((error: Error) => error.message)).toBe("broken");
      bench.world.failLaunch = undefined;
      bench.networks.failPublish = undefined;
      expect(bench.world.running).toEqual([]);
      expect([...bench.networks.allocated]).toEqual([]);
      expect(bench.container("web").state).toMatchObject({ running: false, exitCode: 128, error: "broken" });
    }
    await bench.containers.start("web", {});
  });

  test("every step of a create is taken back when a later one fails", async () => {
    writeFileSync(join(bench.snapshots.layerFolder(bench.images.resolve("bb").chain[0]!), "data"), "");
    bench.snapshots.failCreate = new Error("disk full");
    await expect(bench.create(["sleep"], { config: { Volumes: { "/x": {} } } })).rejects.toThrow("disk full");
    await bench.create(["sleep"], { config: { Volumes: { "/x": {} } } }).catch(() => {});
    expect(bench.leftovers()).toEqual([]);
  });

  test("a forced removal that meets a start kills what was started", async () => {
    const id = await bench.create(["sleep"]);
    bench.world.onStep = (step) => {
      if (step !== "launched") return;
      bench.world.onStep = undefined;
      void bench.containers.remove(id, { ...remove, force: true });
    };
    await bench.containers.start(id, {});
    while (bench.engine.containers.find(id)) await Bun.sleep(1);
    expect(bench.leftovers()).toEqual([]);
  });

  test("fifty start at once", async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => bench.run(["sleep"])));
    expect(new Set(ids).size).toBe(50);
    expect(bench.world.running).toHaveLength(50);
    expect(
      await bench.containers.list({ all: false, limit: 0, size: false, filters: await noFilters() }),
    ).toHaveLength(50);
    await Promise.all(ids.map((id) => bench.containers.remove(id, { ...remove, force: true })));
    expect(bench.leftovers()).toEqual([]);
  });
});

async function noFilters() {
  const { Filters } = await import("@berth/api");
  return new Filters();
}

describe("stop and kill", () => {
  test("stop sends the stop signal, then SIGKILL", async () => {
    await bench.run(["sleep"], { name: "polite", config: { StopSignal: "SIGINT" } });
    await bench.run(["ignore"], { name: "deaf" });
    const [polite, deaf] = ["polite", "deaf"].map((name) => bench.world.shims.get(bench.container(name).id)!);
    await bench.containers.stop("polite", {});
    await bench.containers.stop("deaf", { timeout: 0 });
    expect(polite!.signals).toEqual([2]);
    expect(deaf!.signals).toEqual([15, 9]);
    expect(await bench.wait("polite")).toBe(130);
    expect(await bench.wait("deaf")).toBe(137);
    await expect(bench.containers.stop("deaf", {})).rejects.toMatchObject({ kind: "not-modified" });
  });

  test("kill says why it cannot", async () => {
    const id = await bench.create(["sleep"], { name: "web" });
    await expect(bench.containers.kill("web", "")).rejects.toThrow(
      `Cannot kill container: web: Container ${id} is not running`,
    );
    await expect(bench.containers.kill("web", "NOPE")).rejects.toThrow("Invalid signal: NOPE");
    await bench.containers.start("web", {});
    await bench.containers.kill("web", "HUP");
    expect(bench.container("web").state.running).toBe(true);
    await bench.containers.kill("web", "");
    expect(bench.container("web").state).toMatchObject({ running: false, exitCode: 137 });
  });

  test("restart runs it anew, and keeps one with --rm", async () => {
    const id = await bench.run(["sleep"], { host: { AutoRemove: true } });
    const pid = bench.container(id).state.pid;
    await bench.containers.restart(id, { timeout: 1 });
    expect(bench.container(id).state.pid).not.toBe(pid);
    expect(bench.actions("container")).toEqual([
      "create",
      "start",
      "kill",
      "die",
      "stop",
      "start",
      "restart",
    ]);
  });
});

describe("restart policies", () => {
  const always = { host: { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } } };

  test("always starts it again; a stop ends that", async () => {
    const id = await bench.run(["sleep"], always);
    bench.world.shims.get(id)!.end(0);
    await bench.container(id).exitHandled;
    expect(bench.container(id).state).toMatchObject({
      running: true,
      restarting: true,
      restartCount: 1,
      pid: 0,
    });
    while (bench.container(id).state.restarting) await Bun.sleep(5);
    expect(bench.world.running).toEqual([id]);
    await bench.containers.stop(id, {});
    expect(bench.container(id).state.running).toBe(false);
    expect(bench.world.running).toEqual([]);
  });

  test("a stop between two starts cancels the next one", async () => {
    const id = await bench.run(["exit", "1"], always);
    const { outcome } = await bench.containers.wait(id, "next-exit", never);
    await outcome;
    await bench.containers.stop(id, {});
    expect(bench.container(id).state).toMatchObject({ running: false, restarting: false });
    expect(bench.engine.restarts.has(bench.container(id))).toBe(false);
  });

  test("on-failure:2 gives up after two", async () => {
    const id = await bench.run(["exit", "1"], {
      host: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
    });
    while (bench.container(id).state.running) await Bun.sleep(5);
    expect(bench.world.launches).toBe(3);
    expect(bench.container(id).state).toMatchObject({ restartCount: 2, exitCode: 1 });
  });

  test("a start that fails by policy ends it", async () => {
    const id = await bench.run(["sleep"], always);
    bench.world.failLaunch = new Error("broken");
    bench.world.shims.get(id)!.end(1);
    while (bench.container(id).state.error !== "broken") await Bun.sleep(5);
    expect(bench.container(id).state).toMatchObject({ running: false, restarting: false });
  });
});

describe("attach", () => {
  test("a stream opened before the start gets the first byte and the end", async () => {
    const id = await bench.create(["hello"]);
    const { stream } = await bench.containers.attach(
      id,
      { stdin: false, stdout: true, stderr: true, logs: false, stream: true },
      never,
    );
    let text = "";
    const ended = new Promise<void>((resolve) => stream.onEnd(resolve));
    stream.onData((chunk) => {
      text += Buffer.from(chunk).toString();
    });
    await bench.containers.start(id, {});
    await ended;
    expect(text).toBe("hello\n");
  });

  test("input written before the start arrives, its end too", async () => {
    const id = await bench.create(["cat"], { config: { OpenStdin: true } });
    const { stream } = await bench.containers.attach(
      id,
      { stdin: true, stdout: true, stderr: true, logs: false, stream: true },
      never,
    );
    let text = "";
    const ended = new Promise<void>((resolve) => stream.onEnd(resolve));
    stream.onData((chunk) => {
      text += Buffer.from(chunk).toString();
    });
    stream.write(Buffer.from("early "));
    stream.end();
    await bench.containers.start(id, {});
    await ended;
    expect(text).toBe("early ");
    expect(await bench.wait(id)).toBe(0);
  });

  test("the stream ends when the start fails or the container is removed", async () => {
    for (const finish of [
      (id: string) => bench.containers.start(id, {}).catch(() => {}),
      (id: string) => bench.containers.remove(id, remove),
    ]) {
      const id = await bench.create(["nope"]);
      const options = { stdin: false, stdout: true, stderr: true, logs: false, stream: true };
      const { stream } = await bench.containers.attach(id, options, never);
      const ended = new Promise<void>((resolve) => stream.onEnd(resolve));
      await finish(id);
      await ended;
    }
  });
});

describe("exec", () => {
  const exec = (Cmd: string[]) => ({
    User: "",
    Privileged: false,
    Tty: false,
    AttachStdin: false,
    AttachStderr: true,
    AttachStdout: true,
    Detach: false,
    DetachKeys: "",
    Env: ["MINE=1"],
    WorkingDir: "",
    Cmd,
  });

  test("runs with the container's environment and tells its exit code", async () => {
    const id = await bench.run(["sleep"]);
    const execId = await bench.execs.create(id, exec(["env"]));
    const { stream } = await bench.execs.startAttached(execId, { tty: false }, never);
    let text = "";
    stream.onData((chunk) => {
      text += Buffer.from(chunk).subarray(8).toString();
    });
    await new Promise<void>((resolve) => stream.onEnd(resolve));
    expect(text.split("\n")).toEqual(
      expect.arrayContaining(["FROM=image", "MINE=1", `HOSTNAME=${id.slice(0, 12)}`]),
    );
    expect(await bench.execs.inspect(execId)).toMatchObject({ ExitCode: 0, Running: false, ContainerID: id });
    expect(bench.actions("container").slice(-3)).toEqual([
      "exec_create: env ",
      "exec_start: env ",
      "exec_die",
    ]);
    await expect(bench.execs.startDetached(execId)).rejects.toMatchObject({ kind: "conflict" });
  });

  test("is refused where nothing runs, and says 127 for what is not there", async () => {
    const id = await bench.create(["sleep"]);
    await expect(bench.execs.create(id, exec(["env"]))).rejects.toThrow(`Container ${id} is not running`);
    await bench.containers.start(id, {});
    const execId = await bench.execs.create(id, exec(["nope"]));
    await expect(bench.execs.startDetached(execId)).rejects.toThrow("OCI runtime exec failed: nope");
    await bench.execs.startDetached(execId).catch(() => {});
    expect(await bench.execs.inspect(execId)).toMatchObject({ ExitCode: 127, Running: false });
    await expect(bench.execs.inspect("none")).rejects.toThrow("No such exec instance: none");
  });

  test("ends with the container", async () => {
    const id = await bench.run(["sleep"]);
    const execId = await bench.execs.create(id, exec(["sleep"]));
    await bench.execs.startDetached(execId);
    expect((await bench.containers.inspect(id, { size: false })).ExecIDs).toEqual([execId]);
    await bench.containers.kill(id, "");
    expect(await bench.execs.inspect(execId)).toMatchObject({ ExitCode: 137, Running: false });
    expect((await bench.containers.inspect(id, { size: false })).ExecIDs).toBeNull();
  });
});

describe("a daemon that was killed", () => {
  test("takes over what runs", async () => {
    const id = await bench.run(["sleep"], { name: "web" });
    const { pid, startedAt } = bench.container(id).state;
    await bench.restart();
    expect(bench.container("web").state).toMatchObject({ running: true, pid, startedAt });
    await bench.containers.stop("web", {});
    expect(bench.container("web").state.exitCode).toBe(143);
  });

  test("records an end that came meanwhile", async () => {
    const id = await bench.run(["sleep"]);
    bench.runtime.dead = true;
    bench.world.shims.get(id)!.end(5, true);
    await bench.restart();
    expect(bench.container(id).state).toMatchObject({ running: false, exitCode: 5, oomKilled: true });
    expect([...bench.networks.allocated]).toEqual([]);
  });

  test("after the host's end the exit code is 255, and policies start again", async () => {
    const plain = await bench.run(["sleep"]);
    const rm = await bench.run(["sleep"], { host: { AutoRemove: true } });
    const always = await bench.run(["sleep"], {
      host: { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } },
    });
    const stopped = await bench.run(["sleep"], {
      host: { RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 } },
    });
    await bench.containers.stop(stopped, {});
    bench.world.shims.clear();
    bench.world.exits.clear();
    await bench.restart();
    expect(bench.container(plain).state).toMatchObject({ running: false, exitCode: 255 });
    expect(bench.engine.containers.find(rm)).toBeUndefined();
    expect(bench.container(stopped).state.running).toBe(false);
    while (!bench.world.shims.has(always)) await Bun.sleep(5);
  });

  test("at any step of a start leaves either a running container or none, and nothing else", async () => {
    for (const step of ["launched", "starting", "started"]) {
      const id = await bench.create(["sleep"]);
      const reached = Promise.withResolvers<void>();
      bench.world.onStep = (now) => {
        if (now !== step) return undefined;
        bench.runtime.dead = true;
        reached.resolve();
        return new Promise<void>(() => {});
      };
      void bench.containers.start(id, {});
      await reached.promise;
      bench.world.onStep = undefined;
      await bench.restart();
      const { state } = bench.container(id);
      expect({ step, running: state.running, shims: bench.world.running.length }).toEqual({
        step,
        running: step === "started",
        shims: step === "started" ? 1 : 0,
      });
      expect([...bench.networks.allocated.keys()]).toEqual(step === "started" ? [id] : []);
      await bench.containers.remove(id, { ...remove, force: true });
      expect(bench.leftovers()).toEqual([]);
    }
  });

  test("finishes a create and a removal that it was killed in", async () => {
    const half = await bench.create(["sleep"], { config: { Volumes: { "/x": {} } } });
    bench.container(half).record = { ...bench.container(half).record, incomplete: true };
    bench.engine.containers.saveRecord(bench.container(half));
    const removing = await bench.create(["sleep"]);
    bench.container(removing).state.removing = true;
    bench.engine.containers.saveState(bench.container(removing));
    await bench.restart();
    expect(bench.leftovers()).toEqual([]);
  });

  test("does not restart what a person stopped", async () => {
    const id = await bench.run(["sleep"], {
      host: { RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 } },
    });
    await bench.containers.stop(id, {});
    await bench.restart();
    expect(bench.world.running).toEqual([]);
  });
});
