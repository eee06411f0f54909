/**
 * Where Berth answers otherwise than Docker 20.10.24, on purpose, with the reason. Everything else that differs fails `make parity`.
 * `docs/parity.md` is written from this list.
 */

/** A step whose answers differ as described. Both patterns must match, or the entry is out of date and fails. */
export interface KnownDifference {
  scenario: string;
  /** The command, as it stands in the scenario. */
  step: string;
  /** Tried on Docker's stdout, stderr and `exit N`, joined by line breaks. */
  docker: RegExp;
  berth: RegExp;
  reason: string;
}

/** A rewriting of both engines' output before they are compared, for what differs everywhere. */
export interface Rewriting {
  pattern: RegExp;
  replacement: string;
  reason: string;
}

export const REWRITINGS: readonly Rewriting[] = [
  {
    pattern: /\b(OCI runtime (?:create|exec) failed: )(?:runc|crun) /g,
    replacement: "$1",
    reason: "The sentence names the OCI runtime: runc with Docker, crun with Berth.",
  },
  {
    pattern: /"Runtime": "(?:runc|crun)"/g,
    replacement: '"Runtime": "default"',
    reason:
      "Berth's default runtime is crun where it runs, because it starts containers in a third of the time.",
  },
  {
    pattern: /^ *"(?:DNSNames|GwPriority)": .*\n/gm,
    replacement: "",
    reason: "Fields of Docker 25 and 28; clients of older versions ignore them.",
  },
  {
    pattern: /^ *"KernelMemory(?:TCP)?": .*\n/gm,
    replacement: "",
    reason: "Kernel memory limits are gone from the kernel, from runc, and from Docker 23.",
  },
  {
    pattern: /^ *"\/(?:proc\/interrupts|sys\/devices\/virtual\/powercap)",?\n|(?<="\/sys\/firmware"),$/gm,
    replacement: "",
    reason: "Newer versions of Docker mask them too, because containers could watch each other through them.",
  },
];

const NEWER_SENTENCE = "Docker's newer sentence (since 23 to 28).";
const BAD_REQUEST = "A malformed request is the client's fault: 400, as in Docker since 23; 20.10 said 500.";

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    scenario: "run: what a container sees of the kernel",
    step: `docker run --rm busybox sh -c 'cut -d" " -f2,3 /proc/mounts | grep -v overlay | sort'`,
    docker: /\/proc\/keys tmpfs/,
    berth: /\/proc\/interrupts devtmpfs\n\/proc\/irq proc\n\/proc\/keys devtmpfs/,
    reason:
      "crun masks a file with the host's /dev/null, runc with the container's; /proc/interrupts is masked as in Docker 27.",
  },
  {
    scenario: "run: what a container sees of the kernel",
    step: `docker run --rm busybox sh -c 'ls /dev | sort | tr "\\n" " "'`,
    docker: /^fd full/,
    berth: /^core fd full/,
    reason: "crun makes the link /dev/core that Linux distributions have.",
  },
  {
    scenario: "names and ids: prefixes, ambiguity",
    step: "docker inspect --type image nosuch",
    docker: /no such image: nosuch: No such image: nosuch:latest/,
    berth: /daemon: No such image: nosuch:latest/,
    reason: NEWER_SENTENCE,
  },
  ...["docker image inspect nosuch", "docker image inspect busybox nosuch -f '{{.Os}}'"].map((step) => ({
    scenario: "image inspect",
    step,
    docker: /no such image: nosuch: No such image: nosuch:latest/,
    berth: /daemon: No such image: nosuch:latest/,
    reason: NEWER_SENTENCE,
  })),
  {
    scenario: "events of a container's life",
    step: "docker events --since 30s --until 0s --filter container=living --filter event=die --format '{{json .Actor.Attributes}}'",
    docker: /^\{(?!.*execDuration).*"exitCode":"0"/,
    berth: /^\{.*"execDuration":"\d+","exitCode":"0"/,
    reason: "execDuration is there since Docker 23.",
  },
  {
    scenario: "exec: commands, users, containers that are not there",
    step: "docker exec box nosuchcommand",
    docker: /exit 126$/,
    berth: /exit 127$/,
    reason:
      "A command that does not exist is 127, as with run and in Docker since 23; 20.10 said 126 for exec.",
  },
  {
    scenario: "cp: into and out of a container",
    step: "docker cp box:/etc/passwd/x .",
    docker: /lstat <daemon>\/data\/overlay2\/.*\/etc\/passwd\/x: not a directory/,
    berth: /lstat \/etc\/passwd\/x: not a directory/,
    reason: "Berth does not show where on the host a container's files are.",
  },
  {
    scenario: "commit: config, changes, author, message",
    step: "docker commit -c 'STOPSIGNAL QUIT' box x2",
    docker: /stopsignal is not a valid change command/,
    berth: /^sha256:/,
    reason: "Docker documents STOPSIGNAL for builds only; Berth takes it for commit too.",
  },
  {
    scenario: "save and load",
    step: "docker tag busybox s1; docker tag busybox s2:v; docker save -o both.tar s1 s2:v; tar -tf both.tar | grep -c layer.tar",
    docker: /^1\n/,
    berth: /^0\n/,
    reason:
      "Archives are OCI layouts with a Docker manifest, as Docker writes them since 25; every version loads them.",
  },
  {
    scenario: "save and load",
    step: "echo nonsense | docker load",
    docker: /^Error processing tar file\(exit status 1\): unexpected EOF/,
    berth: /^Error response from daemon: unexpected EOF/,
    reason:
      "What is no archive is refused with an HTTP status; Docker says 200 and then fails in the stream.",
  },
  {
    scenario: "save and load",
    step: "docker load < /dev/null 2>&1 | sed 's/import-[0-9]*/import/'",
    docker: /repositories: no such file or directory/,
    berth: /invalid archive: does not contain a manifest.json/,
    reason: NEWER_SENTENCE,
  },
  {
    scenario: "export and import",
    step: "echo nonsense | docker import - x",
    docker: /Error processing tar file\(exit status 1\): unexpected EOF/,
    berth: /unexpected EOF/,
    reason: "Docker's sentence tells of its own helper process.",
  },
  {
    scenario: "import: whatever an archive holds",
    step: "tar -C r -cf r.tar .; docker import r.tar odd >/dev/null; docker create --name oo odd x >/dev/null; docker export oo | tar -tv --utc | grep -v -E ' (dev|etc|proc|sys|.dockerenv)' | tr -s ' ' | sort -k6",
    docker: /root\/root/,
    berth: /0\/0/,
    reason:
      "Docker puts the user names of the daemon's machine into exports; they have no meaning in the image.",
  },
  {
    scenario: "load: hostile archives",
    step: `mkdir m && cd m && ln -s /etc/passwd layer.tar && echo '{"config":{},"rootfs":{"type":"layers","diff_ids":[]}}' > c.json && echo '[{"Config":"c.json","RepoTags":["evil:1"],"Layers":["layer.tar"]}]' > manifest.json && tar -c . | docker load; docker images -q evil`,
    docker: /^invalid manifest, layers length mismatch: expected 1, got 0\nexit 0$/,
    berth:
      /^Error response from daemon: invalid manifest, layers length mismatch: expected 1, got 0\nexit 0$/,
    reason: "Refused with an HTTP status; Docker says 200 and then fails in the stream.",
  },
  {
    scenario: "load: hostile archives",
    step: "mkdir p && cd p && echo 'not json' > manifest.json && tar -c . | docker load",
    docker: /^invalid character 'o' in literal null/,
    berth: /^Error response from daemon: manifest.json: not valid JSON/,
    reason: "Berth says which file is broken.",
  },
  {
    scenario: "networks do not reach each other; --internal has no way out",
    step: "docker run --rm --network in1 busybox ip route",
    docker: /^default via/,
    berth: /^10\.B\./,
    reason: "An internal network has no way out, so no default route, as in Docker since 23.",
  },
  ...[
    "api GET '/v1.41/containers/json?filters=nonsense'",
    "api GET '/v1.41/containers/json?limit=nonsense'",
  ].map((step) => ({
    scenario: "api: the container list and its keys",
    step,
    docker: /^500/,
    berth: /^400/,
    reason: BAD_REQUEST,
  })),
  ...["'{broken'", "'[]'", `'{"Image":5}'`].map((body) => ({
    scenario: "api: errors have a status and a message",
    step: `api POST /v1.41/containers/create ${body}`,
    docker: /^500/,
    berth: /^400 application\/json\n\{\n {2}"message": "invalid JSON: /,
    reason: BAD_REQUEST,
  })),
  {
    scenario: "api: errors have a status and a message",
    step: `api POST /v1.41/containers/create '{"Image":"busybox"} trailing'`,
    docker: /^201/,
    berth: /^400 .*"message": "unexpected content after JSON"/s,
    reason: "Refused since Docker 23.",
  },
  {
    scenario: "api: errors have a status and a message",
    step: `curl -sS --unix-socket $SOCKET -X POST -d '{"Image":"busybox"}' -H 'Content-Type: text/plain' http://engine/v1.41/containers/create`,
    docker: /Content-Type specified \(text\/plain\) must be 'application\/json'/,
    berth: /unsupported Content-Type header \(text\/plain\): must be 'application\/json'/,
    reason: NEWER_SENTENCE,
  },
  {
    scenario: "api: errors have a status and a message",
    step: "api POST /v1.41/containers/create '{}'",
    docker: /^400.*Config cannot be empty in order to create a container/s,
    berth: /^400.*No command specified/s,
    reason: "Both refuse it; Berth names what is missing.",
  },
  {
    scenario: "api: errors have a status and a message",
    step: "api POST /v1.41/containers/create",
    docker: /^500.*EOF/s,
    berth: /^400.*invalid JSON: got EOF while reading request body/s,
    reason: BAD_REQUEST,
  },
  {
    scenario: "api: a container's life, status by status",
    step: "api GET '/v1.41/containers/life2/logs?stdout=1&tail=5'",
    docker: /^200$/m,
    berth: /^200 application\/vnd\.docker\.raw-stream$/m,
    reason: "The answer has the content type that the API's documentation promises.",
  },
  {
    scenario: "api: attach and logs are Docker's stream format",
    step: "curl -sS --unix-socket $SOCKET -o /dev/null -w '%{content_type}' 'http://e/v1.41/containers/box/logs?stdout=1'",
    docker: /^exit 0$/,
    berth: /^application\/vnd\.docker\.raw-stream/,
    reason: "The answer has the content type that the API's documentation promises.",
  },
  {
    scenario: "api: archive",
    step: "echo nonsense | curl -sS --unix-socket $SOCKET -X PUT --data-binary @- -w '%{http_code}' 'http://e/v1.41/containers/box/archive?path=/tmp'",
    docker: /^200/,
    berth: /unexpected EOF.*\n500/,
    reason: "What is no archive is refused; Docker takes it for an empty one.",
  },
  {
    scenario: "api: archive",
    step: "tar -C d -c . | curl -sS --unix-socket $SOCKET -X PUT --data-binary @- -w '%{http_code}' 'http://e/v1.41/containers/box/archive?path=/etc/passwd'",
    docker: /\n500/,
    berth: /\n400/,
    reason: BAD_REQUEST,
  },
  {
    scenario: "api: images, volumes, networks",
    step: "api GET /v1.41/images/json | tail -n +2 | jq -S 'map(del(.Size,.VirtualSize,.Created))'",
    docker: /"RepoDigests": null/,
    berth: /"RepoDigests": \[\]/,
    reason: "An empty list is a list, never null.",
  },
  {
    scenario: "api: images, volumes, networks",
    step: "api POST /v1.41/networks/create '{}'",
    docker: /^500/,
    berth: /^400/,
    reason: BAD_REQUEST,
  },
];
