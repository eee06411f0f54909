/** Whole applications of real servers: brought up, asked for pages, taken down, and found again with their data. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Application, COMPOSE_CLIENTS, type ComposeClient } from "../harness/application.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(180_000);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({
    engine: "berth",
    images: ["busybox", "nginx", "php", "mysql", "postgres", "redis", "node"],
  });
}, 900_000);
afterAll(() => daemon?.stop(), 120_000);

interface ShopPage {
  host: string;
  mode: string;
  hits: number;
  products: string[];
}

async function shopPage(shop: Application, path = "/"): Promise<ShopPage> {
  return JSON.parse(await shop.waitForPage(path)) as ShopPage;
}

function isThere(client: ComposeClient): boolean {
  return client === "berth" || existsSync(COMPOSE_CLIENTS[client][0]);
}

async function startedAt(container: string): Promise<number> {
  return Date.parse(await daemon.out("inspect", "-f", "{{.State.StartedAt}}", container));
}

describe("nginx, PHP and MySQL", () => {
  const clients = (Object.keys(COMPOSE_CLIENTS) as ComposeClient[]).filter(isThere);
  test.each(clients)("pages, passwords from .env, overrides, data that stays: %s", async (client) => {
    const shop = new Application(daemon, "php-shop", client, `php-${client.replaceAll(/\W/g, "")}`);
    // Production: without the override.
    const production = ["-f", "docker-compose.yml"];
    await shop.ok(...production, "up", "-d");
    expect(await shop.waitForPage("/style.css")).toContain("color: teal;");
    expect(await shop.waitForPage("/index.php")).toBe("visit 1 in production\n");
    await expect(shop.page("/", shop.developmentPort)).rejects.toThrow();
    // The password came from .env, and no other opens the database.
    const query = (password: string) =>
      shop.run(
        "exec",
        "-T",
        "db",
        "mysql",
        `-p${password}`,
        "-N",
        "shop",
        "-e",
        "SELECT COUNT(*) FROM visits",
      );
    expect(await query("examplepassword")).toMatchObject({ exitCode: 0, stdout: "1\n" });
    expect(await query("other")).toMatchObject({ exitCode: 1 });
    // Development: the override is found by itself; the database is left as it runs.
    const database = await shop.ok("ps", "-q", "db");
    await shop.ok("up", "-d");
    expect(await shop.waitForPage("/", shop.developmentPort)).toBe("visit 2 in development\n");
    expect(await shop.ok("ps", "-q", "db")).toBe(database);
    // A change of a file on the host is a change of the site.
    await Bun.write(join(shop.folder, "html/style.css"), "body { color: navy }\n");
    expect(await shop.page("/style.css")).toBe("body { color: navy }\n");
    // Volumes stay when all the rest goes, unless they are named.
    await shop.ok("down");
    await shop.ok("up", "-d");
    expect(await shop.waitForPage("/")).toBe("visit 3 in development\n");
    await shop.ok("down", "-v");
    await shop.ok("up", "-d");
    expect(await shop.waitForPage("/")).toBe("visit 1 in development\n");
    await shop.ok("down", "-v");
    const label = `label=com.docker.compose.project=${shop.folder.split("/").at(-1)}`;
    for (const what of [
      ["ps", "-a"],
      ["volume", "ls"],
      ["network", "ls"],
    ])
      expect(await daemon.out(...what, "-q", "--filter", label)).toBe("");
  });

  test("the database is healthy before what needs it starts", async () => {
    const shop = new Application(daemon, "php-shop", "berth", "gated");
    const { stderr } = await shop.run("up", "-d", "--wait");
    expect(stderr).toContain(" Container gated-db-1  Healthy\n");
    expect(stderr.indexOf("gated-db-1  Healthy")).toBeLessThan(stderr.indexOf("gated-php-1  Starting"));
    const health = JSON.parse(await daemon.out("inspect", "-f", "{{json .State.Health.Log}}", "gated-db-1"));
    const healthy = (health as { ExitCode: number; End: string }[]).find(({ ExitCode }) => ExitCode === 0)!;
    expect(await startedAt("gated-php-1")).toBeGreaterThanOrEqual(Date.parse(healthy.End));
    expect(await shop.ok("ps", "--format", "{{.Service}} {{.Health}}")).toContain("db healthy\n");
    await shop.ok("down", "-v");
  });

  test("a volume is backed up and restored with a helper container", async () => {
    const shop = new Application(daemon, "php-shop", "berth", "saved");
    await shop.ok("up", "-d");
    expect(await shop.waitForPage("/")).toStartWith("visit 1");
    await shop.ok("down");
    const helper = (...command: string[]) =>
      daemon.ok(
        [
          "docker",
          "run",
          "--rm",
          "-v",
          "saved_db-data:/volume",
          "-v",
          `${shop.folder}:/backup`,
          "busybox",
          ...command,
        ],
        { cwd: shop.folder },
      );
    await helper("tar", "czf", "/backup/backup.tar.gz", "-C", "/volume", ".");
    expect(statSync(join(shop.folder, "backup.tar.gz")).size).toBeGreaterThan(100_000);
    await daemon.ok(["docker", "volume", "rm", "saved_db-data"]);
    await daemon.ok(["docker", "volume", "create", "saved_db-data"]);
    await helper("tar", "xzf", "/backup/backup.tar.gz", "-C", "/volume");
    await shop.ok("up", "-d");
    expect(await shop.waitForPage("/")).toStartWith("visit 2");
    await shop.ok("down", "-v");
    // It was made by hand this time, and has none of Compose's labels: its name makes it the project's.
    expect(await daemon.out("volume", "ls", "-q", "--filter", "name=saved_db-data")).toBe("");
  });
});

describe("Node behind nginx, PostgreSQL, Redis", () => {
  // 1.29 knows neither secrets from variables nor configs with content.
  const clients = (["berth", "docker compose 2.26"] as const).filter(isThere);
  test.each(clients)("built, scaled to three, changed, scaled back; the data stays: %s", async (client) => {
    const name = `node-${client.replaceAll(/\W/g, "")}`;
    const shop = new Application(daemon, "node-shop", client, name);
    await shop.ok("-f", "compose.yaml", "up", "-d", "--build", "--scale", "app=3");
    const first = await shopPage(shop);
    expect(first).toMatchObject({ mode: "production", products: ["anchor", "buoy"] });
    // All three answer behind one address, with one cache and one database between them.
    const hosts = new Set([first.host]);
    let hits = first.hits;
    await eventually(
      "all three have answered",
      async () => {
        const page = await shopPage(shop);
        expect(page.hits).toBe(++hits);
        return hosts.add(page.host).size === 3;
      },
      60,
    );
    expect((await shop.ok("logs", "app")).match(/2 products, ready/g)).toHaveLength(3);
    await shopPage(shop, "/add?name=capstan");
    // One of them, of another configuration: nginx finds it by its name.
    await shop.ok("up", "-d", "--scale", "app=1");
    const changed = await eventually(
      "the new one answers",
      async () => {
        const page = await shopPage(shop);
        return page.mode === "development" ? page : undefined;
      },
      60,
    );
    expect(changed.products).toEqual(["anchor", "buoy", "capstan"]);
    expect((await shop.ok("ps", "-q", "app")).trim().split("\n")).toHaveLength(1);
    // Taken down and up again: the database is kept, the cache is not.
    await shop.ok("down");
    await shop.ok("up", "-d");
    expect(await shopPage(shop)).toMatchObject({ hits: 1, products: ["anchor", "buoy", "capstan"] });
    // A profile's service runs when it is asked for.
    expect(await shop.ok("ps", "-a", "--services")).not.toContain("console");
    expect(await shop.ok("run", "--rm", "-T", "console")).toBe("anchor\nbuoy\ncapstan\n");
    await shop.ok("--profile", "tools", "up", "-d");
    await eventually(
      "the console has answered",
      async () =>
        (await shop.ok("--profile", "tools", "logs", "--no-log-prefix", "console")).includes("capstan"),
      60,
    );
    await shop.ok("--profile", "tools", "down", "-v", "--rmi", "local");
    expect(await daemon.out("image", "ls", "-q", `${name}-app`)).toBe("");
  });

  test("without its password nothing is started; with another one the data does not open", async () => {
    const shop = new Application(daemon, "node-shop", "berth", "locked");
    const missing = await shop.run("--env-file", "/dev/null", "up", "-d");
    expect(missing.exitCode).not.toBe(0);
    expect(missing.stderr).toContain("required variable DB_PASSWORD is missing a value: set it in .env");
    expect(await daemon.out("ps", "-aq", "--filter", "label=com.docker.compose.project=locked")).toBe("");
    await shop.ok("up", "-d", "--wait", "db");
    const console = (...more: string[]) => shop.run("run", "--rm", "-T", ...more, "console");
    expect(await console()).toMatchObject({ exitCode: 0, stdout: "anchor\nbuoy\n" });
    const wrong = await console("-e", "PGPASSWORD=wrong");
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr).toContain('password authentication failed for user "shop"');
    await shop.ok("down", "-v");
  });

  test("a database that never becomes healthy stops what needs it, and says so", async () => {
    const shop = new Application(daemon, "node-shop", "berth", "sick");
    await Bun.write(
      join(shop.folder, "compose.override.yaml"),
      "services: {db: {healthcheck: {test: exit 1, interval: 100ms, retries: 2}}}\n",
    );
    const { exitCode, stderr } = await shop.run("up", "-d");
    expect(exitCode).toBe(1);
    expect(stderr).toEndWith("dependency failed to start: container sick-db-1 is unhealthy\n");
    const states = await shop.ok("ps", "-a", "--format", "{{.Service}} {{.State}}");
    expect(states).toContain("app created\n");
    await shop.ok("down", "-v", "--rmi", "local", "-t", "1");
  });
});

describe("many of one service", () => {
  const file = (ports: string) => `services: {web: {image: nginx, ports: [${ports}]}}\n`;

  test("a fixed port is for one of them, and the others say so", async () => {
    const shop = new Application(daemon, "php-shop", "berth", "fixed");
    await Bun.write(join(shop.folder, "web.yaml"), file(`"127.0.0.1:${shop.port}:80"`));
    const { exitCode, stderr } = await shop.run("-f", "web.yaml", "up", "-d", "--scale", "web=3");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("port is already allocated");
    expect(stderr).toContain(`or give a range: ${shop.port}-${shop.port + 2}`);
    expect(await shop.waitForPage("/")).toContain("Welcome to nginx!");
    await shop.ok("-f", "web.yaml", "down");
  });

  test("a free port for each", async () => {
    const shop = new Application(daemon, "php-shop", "berth", "free");
    await Bun.write(join(shop.folder, "web.yaml"), file('"127.0.0.1::80"'));
    await shop.ok("-f", "web.yaml", "up", "-d", "--scale", "web=3");
    const ports = new Set<string>();
    for (const index of ["1", "2", "3"]) {
      const address = (await shop.ok("-f", "web.yaml", "port", "--index", index, "web", "80")).trim();
      ports.add(address);
      expect(await shop.waitForPage("/", Number(address.split(":")[1]))).toContain("Welcome to nginx!");
    }
    expect(ports.size).toBe(3);
    await shop.ok("-f", "web.yaml", "down");
  });
});
