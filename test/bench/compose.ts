/** Compose: Berth beside Debian's docker-compose on Docker. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, type Row, type Settings } from "./suites.ts";
import type { Target } from "./target.ts";

/** Rounds at most: a round of docker-compose takes a minute. */
const ROUNDS = 5;
const LOOP = `["sh", "-c", "trap 'exit 0' TERM; sleep 98765 & wait"]`;

/** Ten services from one image, with a network, a volume and dependencies; `web` can be scaled. */
function tenServices(): string {
  const services = Array.from({ length: 9 }, (_, at) => {
    const needs = at === 0 ? "" : `\n    depends_on: [s${at - 1 - ((at - 1) % 3)}]`;
    return `  s${at}:\n    image: busybox\n    command: ${LOOP}\n    environment: {A: "1", B: "${at}"}\n    volumes: [data:/data]${needs}`;
  });
  return `version: "3.7"\nservices:\n${services.join("\n")}\n  web:\n    image: busybox\n    command: ${LOOP}\nvolumes: {data: {}}\n`;
}

/** A hundred services with what files of applications have. */
export function hundredServices(): string {
  const service = (at: number) => `  svc${at}:
    image: registry.example.com/app${at}:1.2.${at}
    command: ["serve", "--port", "80"]
    environment:
      DB_HOST: db
      DB_PASSWORD: \${DB_PASSWORD:-secret}
      INDEX: "${at}"
    ports: ["${9000 + at}:80"]
    volumes: ["data${at}:/var/lib/data", "./conf${at}:/etc/app:ro"]
${at === 0 ? "" : `    depends_on: [svc${at - 1}]\n`}    labels: ["traefik.enable=true", "traefik.http.routers.svc${at}.rule=Host(\`svc${at}.example.com\`)"]
    networks: [front, back]
    restart: unless-stopped
    healthcheck: {test: ["CMD", "true"], interval: 30s, timeout: 5s, retries: 3}
`;
  const all = Array.from({ length: 100 }, (_, at) => at);
  return `version: "3.7"\nservices:\n${all.map(service).join("")}networks: {front: {}, back: {}}\nvolumes:\n${all.map((at) => `  data${at}: {}\n`).join("")}`;
}

export async function compose(targets: readonly Target[], settings: Settings): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "berth-bench-compose-"));
  const rounds = Math.max(1, Math.min(ROUNDS, settings.runs));
  const file = join(folder, "docker-compose.yml");
  const large = join(folder, "large.yml");
  writeFileSync(file, tenServices());
  writeFileSync(large, hundredServices());
  const steps: [string, string[]][] = [
    ["config, 100 services", ["-f", large, "config"]],
    ["up -d, 10 services", ["up", "-d"]],
    ["up -d, nothing changed", ["up", "-d"]],
    ["ps, 10 services", ["ps"]],
    ["up -d --scale web=50", ["up", "-d", "--scale", "web=50"]],
    ["down, 59 containers", ["down", "-v", "-t", "2"]],
  ];
  const samples = steps.map(() => new Map<string, number[]>());
  const clients = new Map<string, readonly string[]>([
    ["docker", ["/usr/bin/docker-compose"]],
    ["berth", [...(targets.find(({ name }) => name === "berth")?.client ?? []), "compose"]],
  ]);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const target of targets) {
        const client = clients.get(target.name);
        if (client === undefined) continue;
        for (const [at, [title, words]] of steps.entries()) {
          const front = words[0] === "-f" ? [] : ["-f", file];
          const answer = await target.measure([...client, ...front, "-p", "bench", ...words]);
          if (answer.exitCode !== 0) throw new Error(`${target.name}: ${title}: ${answer.stderr}`);
          samples[at]!.set(target.name, [...(samples[at]!.get(target.name) ?? []), answer.milliseconds]);
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return steps.map(([title], at) => ({
    title: `compose ${title}`,
    unit: "ms",
    values: Object.fromEntries([...samples[at]!].map(([name, values]) => [name, median(values)])),
    ranges: Object.fromEntries(
      [...samples[at]!].map(([name, values]) => [name, [Math.min(...values), Math.max(...values)]]),
    ),
  }));
}
