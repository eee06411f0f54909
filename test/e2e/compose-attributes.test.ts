/**
 * Every attribute of a service has its effect in the container: what ours makes is what Docker Compose 2.26.1 makes of the
 * same file on the same engine, and attributes that it does not know are looked for one by one.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { COMPOSE_V2, composeProject, LOOP } from "../harness/compose.ts";
import { type Daemon, startDaemon } from "../harness/daemon.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ engine: "berth", images: ["busybox"] });
}, 60_000);
afterAll(() => daemon?.stop(), 60_000);

const hasV2 = existsSync(COMPOSE_V2);
if (!hasV2) console.error("no Docker Compose 2 in .cache/trixie: the comparison with it is skipped");

/** Of one service each, as flow mappings; `command` and `image` are added. */
const SERVICES = `
annotations: {annotations: {com.example.a: "1", other: two}}
blkio: {blkio_config: {device_read_bps: [{path: /dev/null, rate: 12mb}], device_read_iops: [{path: /dev/null, rate: 120}], device_write_bps: [{path: /dev/null, rate: 1024k}], device_write_iops: [{path: /dev/null, rate: 30}]}}
caps: {cap_add: [NET_ADMIN, CAP_SYS_TIME], cap_drop: [MKNOD]}
cgroup: {cgroup: host, cgroup_parent: /attr-parent}
cpu: {cpu_shares: 73, cpu_quota: 50000, cpu_period: 100000, cpuset: "0"}
cpus: {cpus: 0.5}
words: {command: ["echo", "a b", "$$HOME"], entrypoint: ["/bin/sh", "-c"]}
no-command: {entrypoint: ["true"], command: []}
no-entrypoint: {entrypoint: [], command: ["true"]}
strings: {command: 'echo "a b" c\\ d', entrypoint: sh -c}
named: {container_name: my-name}
depends: {depends_on: {cpu: {condition: service_started, restart: true}, cpus: {condition: service_completed_successfully}}}
deploy: {deploy: {replicas: 2, labels: {deployed: "yes"}, endpoint_mode: vip, resources: {limits: {cpus: "0.25", memory: 64M, pids: 40}, reservations: {cpus: "0.1", memory: 20M}}, restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 120s}, update_config: {parallelism: 2, order: stop-first}}}
deploy-any: {deploy: {restart_policy: {condition: any}}}
deploy-none: {deploy: {restart_policy: {condition: none}}}
devices: {devices: ["/dev/null:/dev/mynull:r", "/dev/zero"], device_cgroup_rules: ["c 1:3 mr", "a 7:* rmw"]}
dns: {dns: [192.0.2.8, 192.0.2.9], dns_search: [dc1.example.com, dc2.example.com], dns_opt: [use-vc, no-tld-query]}
dns-single: {dns: 192.0.2.8, dns_search: example.com}
domain: {domainname: example.org, hostname: host-a}
environment: {environment: {A: "1", B: , C: "", D: "x y", E: 3, F: true}}
environment-list: {environment: ["A=1", B, "C=", "D=x y"]}
env-file: {env_file: [{path: a.env}, {path: missing.env, required: false}], environment: {OVER: mine}}
extra-hosts: {extra_hosts: ["somehost:192.0.2.82", "six:::1", "gw:host-gateway"]}
external-links: {external_links: ["attr-helper:cache"], network_mode: bridge}
group-add: {group_add: [mail, 1234]}
healthcheck: {healthcheck: {test: ["CMD", "true"], interval: 1m30s, timeout: 10s, retries: 3, start_period: 40s, start_interval: 5s}}
healthcheck-shell: {healthcheck: {test: "true || exit 1"}}
healthcheck-off: {healthcheck: {disable: true}}
init: {init: true}
init-off: {init: false}
ipc: {ipc: shareable}
ipc-of: {ipc: "service:ipc"}
labels: {labels: {a: "1", b: "", c: true}}
labels-list: {labels: ["a=1", "b", "c=x=y"]}
links: {links: ["cpu", "caps:alias"]}
logging: {logging: {driver: json-file, options: {max-size: 10m, max-file: 3, labels: a}}}
logging-none: {logging: {driver: none}}
memory: {mem_limit: 100m, mem_reservation: 50m, memswap_limit: 200m, mem_swappiness: 30, oom_kill_disable: true, oom_score_adj: 200}
mac: {mac_address: 02:42:ac:11:65:43}
mode-host: {network_mode: host}
mode-none: {network_mode: none}
mode-service: {network_mode: "service:cpu"}
nets: {networks: {front: {aliases: [web, www], ipv4_address: 172.31.77.9, priority: 10}, back: {priority: 1000, mac_address: 02:42:ac:11:65:44}, six: {ipv6_address: "2001:db8:77::9", link_local_ips: [169.254.8.8]}}}
nets-list: {networks: [front, back]}
pid: {pid: host, uts: host, userns_mode: host}
pid-of: {pid: "service:cpu"}
pids: {pids_limit: 77}
platform: {platform: linux/amd64}
ports: {ports: ["3000", "3001-3003", "28000:8000", "29090-29091:8080-8081", "127.0.0.1:28001:8001", "127.0.0.1::5010", "26060:6060/udp", "[::1]:26062:6062", {target: 80, published: "28080", protocol: tcp, mode: host, host_ip: 127.0.0.1}, {target: 443, published: "28443-28453", app_protocol: http, name: web-secured}]}
privileged: {privileged: true, read_only: true}
restart: {restart: on-failure:4}
restart-no: {restart: "no"}
restart-unless: {restart: unless-stopped}
scale: {scale: 2}
secrets: {secrets: [file-secret, {source: file-secret, target: renamed}, {source: file-secret, target: /abs/path}], configs: [file-config, {source: file-config, target: /etc/conf}]}
security: {security_opt: ["no-new-privileges:true", "seccomp=unconfined", "label=disable"]}
seccomp: {security_opt: ["seccomp:profile.json"]}
systempaths: {security_opt: ["systempaths=unconfined"]}
shm: {shm_size: 32m}
stop: {stop_signal: SIGUSR1, stop_grace_period: 1m10s}
sysctls: {sysctls: {net.core.somaxconn: 1024, net.ipv4.tcp_syncookies: 0}}
sysctls-list: {sysctls: ["net.core.somaxconn=1024"]}
tmpfs: {tmpfs: ["/run", "/tmp:mode=755,size=1m,uid=1009"]}
tmpfs-single: {tmpfs: /run}
tty: {tty: true, stdin_open: true}
ulimits: {ulimits: {nproc: 6553, nofile: {soft: 2000, hard: 4000}}}
user: {user: "1000:1000", working_dir: /tmp}
volumes: {volumes: [/anon, "data:/data", "data:/data-ro:ro,nocopy", "./here:/here", "./here:/here-ro:ro", "/tmp:/host-tmp:rprivate", {type: bind, source: ./here, target: /long, read_only: true, bind: {propagation: rslave}}, {type: volume, source: data, target: /long3, volume: {nocopy: true, subpath: sub}}, {type: volume, source: named, target: /long4, read_only: true}, {type: volume, target: /anon2}, {type: tmpfs, target: /long5, tmpfs: {size: 10mb, mode: 01770}}, "ext-vol:/ext"]}
volumes-from: {volumes_from: [volumes, "container:attr-helper"]}
`;

const RESOURCES = `
networks:
  front: {ipam: {driver: default, config: [{subnet: 172.31.77.0/24, gateway: 172.31.77.1, ip_range: 172.31.77.0/25, aux_addresses: {host1: 172.31.77.5}}]}}
  back: {driver: bridge, driver_opts: {com.docker.network.bridge.enable_icc: "false"}, labels: {a: b}, attachable: true, internal: true}
  six: {enable_ipv6: true, ipam: {config: [{subnet: "2001:db8:77::/64"}, {subnet: 172.31.78.0/24}]}, name: real-six}
volumes:
  data: {labels: {x: y}}
  named: {name: real-named, driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: "size=1m"}}
  ext-vol: {external: true}
secrets: {file-secret: {file: ./secret.txt}}
configs: {file-config: {file: ./config.txt}}
`;

function wholeFile(): string {
  const services = SERVICES.trim()
    .split("\n")
    .map((line) => {
      const [name] = line.split(":", 1);
      const rest = line.slice(name!.length + 3);
      return `  ${name}: {image: busybox, ${rest.includes("command:") ? "" : "command: sleep 1000, "}${rest}`;
    });
  return `name: attr\nservices:\n${services.join("\n")}\n${RESOURCES}`;
}

type Json = Record<string, unknown>;

/** What differs from one container to the next whoever makes it. */
const NEVER_EQUAL = new Set(
  "Id,Created,CreatedAt,Mountpoint,HostnamePath,HostsPath,ResolvConfPath,LogPath,GraphDriver,SandboxID,SandboxKey,NetworkID,EndpointID,DNSNames,IPAM".split(
    ",",
  ),
);

/** Lists that mean something else in another order; Docker Compose sends the others in any. */
const IN_ORDER = new Set("Cmd,Entrypoint,Args,Test,Dns,DnsSearch".split(","));

/** Everything of the project as inspect shows it. Nothing (null, empty, false) is left out. */
async function inspected(project: string): Promise<Json> {
  const label = `label=com.docker.compose.project=${project}`;
  const list = async (...words: string[]) =>
    (await daemon.out(...words, "-q", "--filter", label)).split("\n").filter(Boolean);
  const all = [
    ...(await list("ps", "-a", "--no-trunc")),
    ...(await list("network", "ls", "--no-trunc")),
    ...(await list("volume", "ls")),
  ];
  const found = JSON.parse(await daemon.out("inspect", ...all)) as (Json & { Id?: string; Name: string })[];
  const names = new Map(found.flatMap(({ Id: id, Name: name }) => (id ? [[id, name] as const] : [])));
  const normal = (value: unknown, key = ""): unknown => {
    if (typeof value === "string") {
      let text = value;
      for (const [id, name] of names) text = text.replaceAll(id, name).replaceAll(id.slice(0, 12), name);
      return text.replace(/\b[0-9a-f]{64}\b/g, "HEX") || undefined;
    }
    if (Array.isArray(value)) {
      const items = value.map((each) => normal(each));
      if (!IN_ORDER.has(key)) items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      return items.length === 0 ? undefined : items;
    }
    if (typeof value !== "object" || value === null) return value || undefined;
    const entries = Object.entries(value)
      .filter(([key]) => !NEVER_EQUAL.has(key))
      .map(([key, each]) => [key, normal(each, key)] as const)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  };
  return Object.fromEntries(found.map((each) => [each.Name, normal(each)]));
}

interface WithLabels {
  Config?: { Labels: Record<string, string> };
}

/** Docker Compose writes them in no order. */
function sortDependencies({ Config: config }: WithLabels): void {
  const label = "com.docker.compose.depends_on";
  const value = config?.Labels[label];
  if (value) config!.Labels[label] = value.split(",").sort().join(",");
}

describe("compose: attributes", () => {
  test.skipIf(!hasV2)(
    "containers, networks and volumes are those of Docker Compose 2.26.1",
    async () => {
      await daemon.out("volume", "create", "ext-vol");
      await daemon.out("create", "--name", "attr-helper", "-v", "/x", "busybox", "true");
      const attr = composeProject(daemon, "attr", wholeFile());
      attr.write("a.env", "OVER=file\nFROM_FILE='quoted value'\n");
      attr.write("here/file", "");
      attr.write("secret.txt", "s");
      attr.write("config.txt", "c");
      attr.write("profile.json", '{"defaultAction":"SCMP_ACT_ALLOW"}');
      const made = await attr.v2("create");
      expect([made.exitCode, made.stderr]).toEqual([0, expect.any(String)]);
      const theirs = await inspected("attr");
      expect(Object.keys(theirs).length).toBeGreaterThan(70);
      // Neither makes anew what the other has made.
      expect((await attr.compose("create")).stderr).not.toContain("Recreate");
      expect((await attr.v2("down", "-v")).exitCode).toBe(0);
      await attr.ok("create");
      const ours = await inspected("attr");
      expect((await attr.v2("create")).stderr).not.toContain("Recreate");
      await attr.ok("down", "-v");
      // Ours tell what networks and volumes were made from, to see when that changes.
      for (const each of Object.values(ours)) {
        const { Labels: labels } = each as { Labels?: Record<string, string> };
        if (labels !== undefined) delete labels["com.docker.compose.config-hash"];
      }
      expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
      for (const all of [ours, theirs]) {
        for (const each of Object.values(all)) sortDependencies(each as WithLabels);
      }
      for (const [name, value] of Object.entries(ours))
        expect({ [name]: value }).toEqual({ [name]: theirs[name] });
    },
    120_000,
  );

  test("attributes that came after 2.26 have their effect", async () => {
    await daemon.out("tag", "busybox", "tools");
    const next = composeProject(
      daemon,
      "next",
      `services:
  web:
    image: busybox
    command: ${LOOP}
    networks:
      one: {interface_name: eth7, gw_priority: 1}
      two: {gw_priority: 100}
    volumes:
      - {type: image, source: tools, target: /tools}
      - {type: bind, source: ./here, target: /here, bind: {recursive: disabled}}
    label_file: labels.env
    env_file: [{path: raw.env, format: raw}]
  api:
    image: busybox
    command: ${LOOP}
    use_api_socket: true
networks: {one: {ipam: {options: {}}}, two: {enable_ipv4: true}}
`,
    );
    next.write("labels.env", "com.example.team=blue\n");
    next.write("raw.env", "RAW='$HOME'\n");
    next.write("here/file", "");
    await next.ok("up", "-d");
    const of = async (service: string) =>
      JSON.parse(await daemon.out("inspect", `next-${service}-1`))[0] as {
        Config: { Labels: Json; Env: string[] };
        HostConfig: { Mounts: Json[] };
        NetworkSettings: { Networks: Record<string, Json> };
      };
    const web = await of("web");
    expect(web.Config.Labels["com.example.team"]).toBe("blue");
    expect(web.Config.Env).toContain("RAW='$HOME'");
    expect(web.NetworkSettings.Networks.next_one).toMatchObject({ GwPriority: 1 });
    expect(web.HostConfig.Mounts).toContainEqual(
      expect.objectContaining({ Target: "/here", BindOptions: { NonRecursive: true } }),
    );
    expect(await next.ok("exec", "web", "ls", "/sys/class/net")).toContain("eth7");
    const route = await next.ok("exec", "web", "ip", "route", "show", "default");
    const { Gateway: gateway } = web.NetworkSettings.Networks.next_two as { Gateway: string };
    expect(route).toContain(`default via ${gateway} `);
    expect(await next.ok("exec", "web", "ls", "/tools/bin/busybox")).toBe("/tools/bin/busybox\n");
    expect((await of("api")).Config.Env).toContain("DOCKER_CONFIG=/run/secrets/docker");
    expect(await next.ok("exec", "api", "cat", "/run/secrets/docker/config.json")).toContain('"auths"');
    expect(await next.ok("exec", "api", "ls", "/var/run/docker.sock")).toBe("/var/run/docker.sock\n");
    // A second look finds nothing to do.
    expect((await next.compose("up", "-d")).stderr).not.toContain("Recreate");
    await next.ok("down", "-t", "1");
  }, 60_000);

  test.each([
    [
      "credential_spec: {file: a.json}",
      "credential_spec is not supported: only Windows has such credentials",
    ],
    ["gpus: all", 'could not select device driver "" with capabilities: [[gpu]]'],
    ["volumes: [{type: npipe, source: a, target: /b}]", 'volume type "npipe" is not supported on this host'],
    ["models: [llm]", 'model "llm" is not supported: this engine runs no models'],
    ["provider: {type: cloud}", 'provider "cloud" is not supported'],
  ])(
    "what no container here can have is refused before anything is made: %s",
    async (attribute, sentence) => {
      const refused = composeProject(
        daemon,
        "refused",
        `services:\n  a: {image: busybox}\n  web: {image: busybox, ${attribute}}\nmodels: {llm: {model: ai/x}}\n`,
      );
      const { exitCode, stderr } = await refused.compose("up", "-d");
      expect([exitCode, stderr]).toEqual([1, `service "web": ${sentence}\n`]);
      expect(await refused.states()).toEqual([]);
    },
  );
});
