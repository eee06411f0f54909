import { parseReference } from "@berth/spec/reference";
import { parseUlimit } from "../container-options/devices.ts";
import { parseExtraHost } from "../container-options/hosts.ts";
import { bytes } from "../flags/quantities.ts";
import { bool, custom, int, list, string, strings } from "../flags/types.ts";

const many = (help: string, type = "stringArray") => list(help, { type });

/** Flags of every spelling of `build`. */
export const BUILD_FLAGS = {
  "add-host": list("Give an address a name in RUN steps (name:ip)", {
    type: "strings",
    check: parseExtraHost,
  }),
  allow: many("Grant a right: network.host, security.insecure"),
  annotation: many("Add an annotation to the image"),
  attest: many("Attestation: type=sbom, type=provenance,mode=max"),
  "build-arg": many("Set a build argument; without a value, that of the environment"),
  "build-context": many("Another context or base under a name (name=path|url|docker-image://…)"),
  builder: string("Accepted; there is one builder", { hidden: true }),
  "cache-from": many("Take cache from (user/app:cache, type=local,src=path)"),
  "cache-to": many("Bring the cache to (type=inline, type=registry,ref=…, type=local,dest=path)"),
  call: string("What to do: build, check, outline, targets", {
    default: "build",
    values: ["build", "check", "outline", "targets"],
  }),
  "cgroup-parent": string("Parent of the cgroups of RUN steps"),
  check: bool("Only look for mistakes in the Dockerfile"),
  compress: bool("Without effect", { hidden: true }),
  "cpu-period": int("Period of the scheduler's quota of RUN steps", { hidden: true }),
  "cpu-quota": int("Processor time in each period of RUN steps", { hidden: true }),
  "cpu-shares": int("Share of processor time of RUN steps", { shorthand: "c", hidden: true }),
  "cpuset-cpus": string("Processors of RUN steps", { hidden: true }),
  "cpuset-mems": string("Memory nodes of RUN steps", { hidden: true }),
  debug: bool("Show more of what goes wrong", { shorthand: "D" }),
  explain: bool("Say for each step why it was or was not taken from the cache"),
  file: string('Name of the Dockerfile (default "PATH/Dockerfile")', { shorthand: "f", values: "file" }),
  "force-rm": bool("Without effect: nothing is left behind", { hidden: true }),
  iidfile: string("Write the image's id to this file", { values: "file" }),
  isolation: string("Without effect on Linux", { hidden: true }),
  label: many("Set a label of the image"),
  load: bool("Put the result into the image store (as --output=type=docker)"),
  memory: bytes("Memory of RUN steps", { shorthand: "m", hidden: true }),
  "memory-swap": bytes("Memory and swap of RUN steps; -1: no limit", { hidden: true }),
  "metadata-file": string("Write the build's results to this file", { values: "file" }),
  network: string("Network of RUN steps", { default: "default" }),
  "no-cache": bool("Take nothing from the cache"),
  "no-cache-filter": many("Take nothing of these stages from the cache"),
  output: custom<string[]>({
    type: "stringArray",
    shorthand: "o",
    help: "Where the result goes (type=local,dest=path)",
    initial: () => [],
    parse: (text, before) => [...before, text],
  }),
  platform: strings("Platforms to build for", { type: "stringArray" }),
  progress: string("How progress is shown: auto, plain, tty, rawjson, quiet", {
    default: "auto",
    values: ["auto", "plain", "tty", "rawjson", "quiet"],
  }),
  provenance: string("As --attest=type=provenance"),
  pull: bool("Ask the registry for newer base images"),
  push: bool("Push the result (as --output=type=registry)"),
  quiet: bool("Show no progress, print the image's id", { shorthand: "q" }),
  rm: bool("Without effect: nothing is left behind", { default: true, hidden: true }),
  sbom: string("As --attest=type=sbom"),
  secret: many("A secret for RUN steps (id=mysecret[,src=/local/file|,env=NAME])"),
  "security-opt": many("Security options of RUN steps", "strings"),
  "shm-size": bytes("Size of /dev/shm in RUN steps"),
  squash: bool("Make one layer of the new ones", { hidden: true }),
  ssh: many("An agent's socket or keys for RUN steps (default|id[=socket])"),
  tag: list("Name of the image (name:tag)", {
    shorthand: "t",
    type: "stringArray",
    check(text) {
      if (text !== "") parseReference(text);
      return text;
    },
  }),
  target: string("The stage to build"),
  ulimit: custom<{ Name: string; Soft: number; Hard: number }[]>({
    type: "ulimit",
    help: "Resource limit of RUN steps",
    initial: () => [],
    defaultText: "[]",
    parse: (text, before) => [...before, parseUlimit(text)],
  }),
};
