/** The command lines of Docker's tutorials, in the order that people type them, with both command lines. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(120_000);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth", images: ["busybox", "nginx"] });
}, 600_000);
afterAll(() => daemon?.stop(), 60_000);

const WELCOME = "<h1>Welcome to nginx!</h1>\n";

describe.each(["docker", "berth"])("%s", (client) => {
  const run = (line: string, cwd?: string) =>
    daemon.run([client, ...line.split(" ")], cwd === undefined ? {} : { cwd });
  /** stdout of a command that must succeed. */
  const out = async (line: string, cwd?: string) => {
    const { exitCode, stdout, stderr } = await run(line, cwd);
    if (exitCode !== 0) throw new Error(`${client} ${line}: ${stderr}`);
    return stdout;
  };
  const page = (port: number) =>
    eventually(`port ${port} answers`, async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { keepalive: false });
      return response.text();
    });
  const folderOf = (name: string) => {
    const folder = join(daemon.scope.directory, `${client}-${name}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  };

  test("the life of a container", async () => {
    const port = daemon.port();
    const id = (await out(`run -d -p 127.0.0.1:${port}:80 --name mycontainer nginx`)).trim();
    expect(await page(port)).toBe(WELCOME);
    const listed = await out("ps");
    expect(listed).toContain(id.slice(0, 12));
    expect(listed).toContain(`127.0.0.1:${port}->80/tcp`);
    expect(await out("logs --tail 100 mycontainer")).toContain('"GET / HTTP/1.1" 200');
    expect(await out("logs --timestamps mycontainer")).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(await out("exec mycontainer cat /etc/hostname")).toBe(`${id.slice(0, 12)}\n`);
    expect(await out("stats --no-stream mycontainer")).toMatch(/mycontainer +\d+\.\d\d% +[\d.]+MiB/);
    expect((await run("rm mycontainer")).stderr).toContain(
      "Stop the container before attempting removal or force remove",
    );
    expect(await out("stop mycontainer")).toBe("mycontainer\n");
    expect(await out("ps")).not.toContain("mycontainer");
    expect(await out("ps -a")).toMatch(/Exited \(0\) .* mycontainer/);
    await out("start mycontainer");
    await out("restart mycontainer");
    expect(await page(port)).toBe(WELCOME);
    await out("stop mycontainer");
    expect(await out("rm mycontainer")).toBe("mycontainer\n");
  });

  test("networks: names on those of one's own, ways in and out", async () => {
    await out("network create --driver bridge my_custom_network");
    await out("network create second");
    for (const name of ["container1", "container2"])
      await out(`run -d --name ${name} --network my_custom_network busybox httpd -f -p 80 -h /etc`);
    await out("run -d --name alone --network none busybox sleep 1000");
    expect(await out("exec container2 ping -c 1 container1")).toContain("1 packets received");
    expect((await run("exec alone ping -c 1 -W 1 container1")).exitCode).not.toBe(0);
    await out("run -d --name other --network second busybox sleep 1000");
    expect((await run("exec other ping -c 1 container1")).exitCode).not.toBe(0);
    await out("network connect second container1");
    expect(await out("exec other ping -c 1 container1")).toContain("1 packets received");
    const inspected = JSON.parse(await out("network inspect second"));
    expect(
      Object.values(inspected[0].Containers as Record<string, { Name: string }>)
        .map(({ Name }) => Name)
        .sort(),
    ).toEqual(["container1", "other"]);
    expect((await run("network rm second")).stderr).toContain("has active endpoints");
    await out("network disconnect second container1");
    await out("rm -f container1 container2 alone other");
    await out("network rm my_custom_network second");
    expect(await out("network ls --format {{.Name}}")).toBe("bridge\nhost\nnone\n");
  });

  test("volumes: kept, in use, copied, backed up and restored", async () => {
    const folder = folderOf("volumes");
    writeFileSync(join(folder, "page"), "from the host\n");
    await out("volume create my_volume");
    expect(await out("volume ls -q")).toBe("my_volume\n");
    await out("run -d -v my_volume:/data --name first busybox sleep 1000");
    await out(`cp ${folder}/page first:/data/page`);
    expect((await run("volume rm my_volume")).stderr).toContain("volume is in use");
    expect(await out("ps -a --filter volume=my_volume --format {{.Names}}")).toBe("first\n");
    await out("rm -f first");
    const helper = `run --rm -v my_volume:/volume -v ${folder}:/backup busybox tar`;
    await out(`${helper} czf /backup/backup.tar.gz -C /volume .`);
    await out("volume rm my_volume");
    await out(`${helper} xzf /backup/backup.tar.gz -C /volume`);
    expect(
      await out("run --rm --mount type=volume,source=my_volume,target=/v,readonly busybox cat /v/page"),
    ).toBe("from the host\n");
    expect(await out(`run --rm -v ${folder}:/here busybox cat /here/page`)).toBe("from the host\n");
    expect(await out("run --rm --mount type=tmpfs,target=/tmp busybox stat -f -c %T /tmp")).toBe("tmpfs\n");
    // One with a name is the user's; it goes when it is asked for.
    expect(await out("volume prune -f")).toBe("Total reclaimed space: 0B\n");
    expect(await out("volume prune -a -f")).toContain("my_volume");
  });

  test("images: built, overridden, committed, named, removed", async () => {
    const folder = folderOf("images");
    writeFileSync(
      join(folder, "Dockerfile"),
      'FROM busybox\nARG shards\nARG replicas\nRUN echo $shards $replicas > /asked\nCMD ["echo", "Hello World"]\n',
    );
    await out("build -q -t prac:1.0 --build-arg shards=5 --build-arg replicas=2 .", folder);
    expect(await out("run --rm prac:1.0")).toBe("Hello World\n");
    expect(await out("run --rm prac:1.0 cat /asked")).toBe("5 2\n");
    writeFileSync(join(folder, "Dockerfile"), 'FROM prac:1.0\nENTRYPOINT ["echo", "Hello"]\n');
    await out("build -q -t entry .", folder);
    expect(await out("run --rm entry ls")).toBe("Hello ls\n");
    expect(await out("run --rm --entrypoint cat entry /asked")).toBe("5 2\n");
    await out("run --name changed busybox touch /new");
    await daemon.ok([
      client,
      "commit",
      "-a",
      "author",
      "-m",
      "message",
      "-c",
      'CMD ["ls","/new"]',
      "changed",
      "kept:1",
    ]);
    expect(await out("run --rm kept:1")).toBe("/new\n");
    expect(await out("history --format {{.Comment}} kept:1")).toStartWith("message\n");
    await out("tag kept:1 kept:latest");
    expect(await out("images kept --format {{.Tag}}")).toBe("1\nlatest\n");
    await out("rm changed");
    expect(await out("rmi kept:1")).toBe("Untagged: kept:1\n");
    expect(await out("rmi kept entry prac:1.0")).toContain("Deleted: sha256:");
  });

  test("upkeep: what takes room, and how it goes", async () => {
    await out("run --name done busybox true");
    expect(await out("system df")).toMatch(/^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +2 /);
    expect(await out("container prune -f")).toContain("Deleted Containers:\n");
    await out("image prune -f");
    await out("builder prune -a -f");
    expect(await out("system prune -f")).toEndWith("Total reclaimed space: 0B\n");
    expect(await out("images -q")).not.toBe("");
  });

  test("a registry of one's own", async () => {
    await daemon.ok(["berth", "image", "bootstrap", "registry"], { seconds: 100 });
    const port = daemon.port();
    await out(`run -d -p 127.0.0.1:${port}:5000 --name private-registry registry:2`);
    await eventually("the registry answers", async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok);
    const name = `localhost:${port}/my-app:1.0`;
    await out(`tag busybox ${name}`);
    expect(await out(`push ${name}`)).toMatch(/1\.0: digest: sha256:[0-9a-f]{64} size: \d+/);
    await out(`rmi ${name}`);
    expect(await out(`pull ${name}`)).toContain(`Downloaded newer image for ${name}`);
    expect(await out(`run --rm ${name} echo pulled`)).toBe("pulled\n");
    await out(`rmi ${name}`);
    await out("rm -f -v private-registry");
    await out("rmi registry:2 registry:3 registry:latest");
  });
});
