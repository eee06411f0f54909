/** The parsers of foreign bytes, each with inputs to start from and the errors that it may answer with. */
import { containerCreateDecoder, decodeBody, Filters, networkCreateDecoder } from "@berth/api";
import { TarReader } from "@berth/archive";
import { BerthError } from "@berth/base";
import {
  buildGraph,
  IgnoreMatcher,
  inputsOf,
  lintDockerfile,
  parseDockerfile,
  parseGitRef,
  readIgnoreFile,
} from "@berth/builder";
import { demultiplex } from "@berth/client";
import { readAttributes, readMessages } from "@berth/linux";

import { parseAddressPool } from "@berth/network";
import { LineReader } from "@berth/runtime";
import { parseDetachKeys } from "@berth/server";
import {
  hostPlatform,
  parseAnyReference,
  parseImageConfig,
  parseManifestOrIndex,
  parsePlatform,
} from "@berth/spec";
import { TemplateError } from "../../apps/cli/src/template/error.ts";
import { parseTemplate } from "../../apps/cli/src/template/parser.ts";
import { printDockerfile, printTree } from "../../packages/builder/src/parse/print.ts";
import { parseHead } from "../../packages/client/src/http/head.ts";
import { parseBind } from "../../packages/engine/src/mount/parse.ts";
import { LogFormatter } from "../../packages/logging/src/json-file/formatter.ts";
import { matchResponse, parseQuery, writeRefusal } from "../../packages/network/src/dns/message.ts";
import { parseZone } from "../../packages/network/src/dns/zone.ts";
import { BUILD_TARGETS } from "./build-targets.ts";
import { REGISTRY_TARGETS } from "./registry-targets.ts";

export interface Target {
  name: string;
  seeds: readonly (string | Uint8Array)[];
  run(input: Uint8Array): void | Promise<void>;
  /** Errors that are an answer to bad input; all others are bugs. */
  answers?(error: unknown): boolean;
}

const text = (input: Uint8Array): string => Buffer.from(input).toString("utf8");
const isBerthError = (error: unknown): boolean => error instanceof BerthError;

/** A small archive by the tar of this machine. */
function archive(...flags: string[]): Uint8Array {
  const script = `d=$(mktemp -d) && cd $d && mkdir -p a/b && printf hello > a/f && ln a/f a/hard && ln -s f a/soft && printf x > "a/$(printf '%0150d' 0)" && truncate -s 1M a/hole && printf end >> a/hole && tar ${flags.join(" ")} -c a && rm -r $d`;
  return Bun.spawnSync(["sh", "-c", script]).stdout;
}

/** DNS question for the A record of `web.example`. */
const QUESTION = Buffer.from("12340100000100000000000003776562076578616d706c650000010001", "hex");
const ANSWER = Buffer.concat([
  Buffer.from("123481800001000100000000", "hex"),
  QUESTION.subarray(12),
  Buffer.from("c00c000100010000003c0004c000024d", "hex"),
]);

const DOCKERFILES = [
  '# syntax=x\n# escape=`\nARG V=1\nFROM a:${V:-2} AS b\nENV A=b C="d e"\nRUN <<EOF\nx\nEOF\n',
  'FROM a\nCOPY --from=0 --chmod=u+x <<-"E" b /c/\n\tx\n\tE\nONBUILD COPY . .\nCMD ["x"]\n',
  "FROM scratch AS x\nFROM x\nRUN --mount=type=cache,target=/x,mode=0700 --network=none a \\\n # c\n\n b\nWORKDIR ${A#b}\n",
  'FROM a\nADD --checksum=sha256:00 https://x/y.git#z:w /a\nEXPOSE 80-82/udp\nHEALTHCHECK --interval=1m2s CMD x\nLABEL a b\nSTOPSIGNAL 9\nUSER x:y\nVOLUME ["/a"]\nSHELL ["x"]\n',
];
const resolveImageConfig = async (reference: string) => ({
  reference,
  digest: `sha256:${"0".repeat(64)}` as const,
  config: {
    os: "linux",
    architecture: "amd64",
    config: { OnBuild: ["RUN x", "COPY --from=b /x /y"] },
    rootfs: { type: "layers" as const, diff_ids: [] },
  },
});

export const TARGETS: readonly Target[] = [
  {
    name: "tar",
    seeds: [
      archive("--format=gnu", "--sparse"),
      archive("--format=pax", "--sparse"),
      archive("--format=ustar", "--exclude=0*"),
      archive("--format=v7", "--exclude=0*"),
    ],
    run(input) {
      // What the reader passes on must stay within what it announced.
      let room = 0;
      const reader = new TarReader({
        entry: (entry) => {
          room = entry.size;
        },
        data: (bytes, position) => {
          if (position < 0 || position + bytes.length > room)
            throw new RangeError(`data beyond the entry: ${position} + ${bytes.length} > ${room}`);
        },
        end: () => {},
      });
      reader.push(input);
      reader.finish();
    },
    answers: isBerthError,
  },
  {
    name: "Dockerfile",
    seeds: DOCKERFILES,
    async run(input) {
      const file = parseDockerfile(text(input));
      // What is printed has to mean the same, where it can be printed.
      const open = file.statements.some(({ original }) => original.trim().endsWith(file.escapeToken));
      const printed = printDockerfile(file);
      if (!open && printTree(parseDockerfile(printed)) !== printTree(file))
        throw new Error(`another tree: ${printed}`);
      const options = { platform: hostPlatform(), buildPlatform: hostPlatform(), resolveImageConfig };
      await lintDockerfile(text(input), options);
      const graph = await buildGraph(text(input), options);
      for (const node of graph.nodes) {
        if (inputsOf(node).some((id) => id >= node.id)) throw new Error("not in order");
      }
      const layers = graph.image.history.filter((entry) => !entry.empty_layer).length;
      let count = 0;
      for (let at = graph.nodes[graph.target]!; "base" in at; at = graph.nodes[at.base]!) count++;
      if (layers !== count) throw new Error(`${layers} entries of history, ${count} layers`);
    },
    answers: isBerthError,
  },
  {
    name: ".dockerignore",
    seeds: ["**/a*[b-d]?\n!x/**/y\n/z/\n", "# c\n*\n!src\n"],
    run(input) {
      const matcher = new IgnoreMatcher(readIgnoreFile(text(input)));
      for (const path of ["a", "x/b/y", "z/aab", "src/c.d/e"]) {
        let state = matcher.root;
        let pruned = false;
        for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) {
          const verdict = matcher.check(path.slice(0, end), state);
          pruned ||= verdict.prune;
          state = verdict.state;
        }
        const { excluded } = matcher.check(path, state);
        if (excluded !== matcher.excludes(path)) throw new Error("two answers");
        if (pruned && !excluded) throw new Error("left out what is not excluded");
      }
    },
    answers: isBerthError,
  },
  {
    name: "git reference",
    seeds: [
      "https://host/a.git#ref:dir",
      "git@host:a",
      "https://host/a.git?branch=x&subdir=y&keep-git-dir=1",
    ],
    run: (input) => void parseGitRef(text(input)),
    answers: isBerthError,
  },
  {
    name: "image reference",
    seeds: ["busybox", "reg.example:5000/a/b:tag", `x@sha256:${"0".repeat(64)}`, "0".repeat(64)],
    run: (input) => void parseAnyReference(text(input)),
    answers: isBerthError,
  },
  {
    name: "platform",
    seeds: ["linux/amd64", "linux/arm/v7", "arm64"],
    run: (input) => void parsePlatform(text(input)),
    answers: isBerthError,
  },
  {
    name: "image configuration",
    seeds: [
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Env: ["A=1"], Cmd: ["sh"], ExposedPorts: { "80/tcp": {} } },
        rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] },
        history: [{ created_by: "x", empty_layer: true }],
      }),
    ],
    run: (input) => void parseImageConfig(input),
    answers: isBerthError,
  },
  {
    name: "manifest",
    seeds: [
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: {
          mediaType: "application/vnd.oci.image.config.v1+json",
          digest: `sha256:${"0".repeat(64)}`,
          size: 1,
        },
        layers: [
          {
            mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
            digest: `sha256:${"1".repeat(64)}`,
            size: 2,
          },
        ],
      }),
    ],
    run: (input) => void parseManifestOrIndex(input),
    answers: isBerthError,
  },
  {
    name: "container create request",
    seeds: [
      JSON.stringify({
        Image: "busybox",
        Cmd: ["sh"],
        Env: ["A=1"],
        HostConfig: {
          Binds: ["/a:/b"],
          PortBindings: { "80/tcp": [{ HostPort: "80" }] },
          Memory: 1,
          RestartPolicy: { Name: "always" },
        },
        NetworkingConfig: { EndpointsConfig: { n: { Aliases: ["x"] } } },
      }),
    ],
    run: (input) => void decodeBody(text(input), containerCreateDecoder),
    answers: isBerthError,
  },
  {
    name: "network create request",
    seeds: [
      JSON.stringify({
        Name: "n",
        Driver: "bridge",
        IPAM: { Config: [{ Subnet: "10.1.0.0/24" }] },
        Labels: { a: "b" },
      }),
    ],
    run: (input) => void decodeBody(text(input), networkCreateDecoder),
    answers: isBerthError,
  },
  {
    name: "filters",
    seeds: ['{"label":["a=b"],"name":{"x":true}}', "{}"],
    run: (input) => void Filters.parse(text(input)),
    answers: isBerthError,
  },
  {
    name: "bind",
    seeds: ["/a:/b", "/a:/b:ro,z", "vol:/b:nocopy", "/x"],
    run: (input) => void parseBind(text(input), ""),
    answers: isBerthError,
  },
  {
    name: "address pool",
    seeds: ["base=10.10.0.0/16,size=24", "base=fd00::/48,size=64"],
    run: (input) => void parseAddressPool(text(input)),
    answers: isBerthError,
  },
  {
    name: "detach keys",
    seeds: ["ctrl-p,ctrl-q", "a,b,ctrl-@"],
    run: (input) => void parseDetachKeys(text(input)),
    answers: isBerthError,
  },
  {
    name: "DNS question",
    seeds: [QUESTION],
    run(input) {
      parseQuery(input);
      if (input.length >= 12) writeRefusal(input, 1);
    },
  },
  {
    name: "DNS answer",
    seeds: [ANSWER],
    run: (input) => void matchResponse(input, 0x1234, QUESTION.subarray(12)),
  },
  {
    name: "zone file",
    seeds: ['{"networkId":"x","names":{}}', "{}"],
    run: (input) => void parseZone(text(input)),
  },
  {
    name: "json-file log",
    seeds: [
      '{"log":"hello\\n","stream":"stdout","time":"2026-01-02T03:04:05.123456789Z"}\n{"log":"\\u001b[0m\\"x\\"","stream":"stderr","attrs":{"a":"b"},"time":"2026-01-02T03:04:05Z"}\n',
    ],
    run(input) {
      const formatter = new LogFormatter({
        stdout: true,
        stderr: true,
        timestamps: true,
        details: true,
        multiplexed: true,
      });
      formatter.push(input);
      formatter.take();
    },
  },
  {
    name: "netlink",
    seeds: [
      Buffer.from(
        "2c00000010000200010000000000000000000100010000004310010000000000080003006c6f00000800040000000000",
        "hex",
      ),
    ],
    run(input) {
      let messages = 0;
      for (const message of readMessages(input)) {
        readAttributes(message.payload, 16);
        if (++messages > input.length) throw new Error("more messages than bytes");
      }
    },
  },
  {
    name: "shim protocol lines",
    seeds: ['{"type":"started","pid":1}\n{"type":"exit"}\nrest'],
    run: (input) => void new LineReader().push(input, () => {}),
    answers: (error) => error instanceof Error && /line/i.test(error.message),
  },
  {
    name: "HTTP response head",
    seeds: [
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n",
    ],
    run: (input) => void parseHead(input),
    answers: (error) => error instanceof Error && error.name === "ProtocolError",
  },
  {
    name: "multiplexed stream",
    seeds: [
      Buffer.from(
        "0100000000000004" +
          Buffer.from("out\n").toString("hex") +
          "0200000000000004" +
          Buffer.from("err\n").toString("hex"),
        "hex",
      ),
    ],
    async run(input) {
      const source = async function* () {
        yield input.subarray(0, input.length >> 1);
        yield input.subarray(input.length >> 1);
      };
      let bytes = 0;
      for await (const frame of demultiplex(source())) bytes += frame.bytes.length;
      if (bytes > input.length) throw new Error("more bytes out than in");
    },
    answers: (error) => error instanceof Error && error.name === "ProtocolError",
  },
  {
    name: "format template",
    seeds: [
      "{{.Names}} {{json .Labels}}",
      'table {{.ID}}\t{{range $k, $v := .X}}{{if eq $k "a"}}{{$v}}{{else}}-{{end}}{{end}}',
      '{{printf "%5d|%-3s" 1 .A | upper}}',
    ],
    run: (input) => void parseTemplate(text(input), new Set(["json", "upper", "printf", "eq"])),
    answers: (error) => error instanceof TemplateError,
  },
  ...BUILD_TARGETS,
  ...REGISTRY_TARGETS,
];
