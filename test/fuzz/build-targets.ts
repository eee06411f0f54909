// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of HCL
/** What builds read from outside besides the Dockerfile: bake files, and the messages of BuildKit's clients. */
import { CONTENT_STORE, control, gateway, Packet, WriteContentResponse } from "@berth/api/buildkit";
import { BerthError } from "@berth/base";
import { choose } from "../../apps/cli/src/bake/definition.ts";
import { BLOCKS, evaluate } from "../../apps/cli/src/bake/evaluate.ts";
import { readHcl, readJson } from "../../apps/cli/src/bake/hcl/body.ts";
import { HclError } from "../../apps/cli/src/bake/hcl/value.ts";
import type { Target } from "./targets.ts";

const isAnswer = (error: unknown) => error instanceof HclError;

function definition(body: ReturnType<typeof readHcl>): void {
  const made = evaluate([body], { environment: { V: "x" }, builtin: {}, warn() {} });
  choose(made, [...made.targets.keys()], (_, target) => target);
}

const HCL = `variable "V" { default = "1" }
group "default" { targets = ["a"] }
function "f" {
  params = [x]
  result = upper(x)
}
target "a" {
  name = "a-\${v}"
  matrix = { v = [for x in range(3) : "\${x}" if x > 0] }
  args = { k = f("a")[0], n = -1 * (2 + 3) % 4, t = true ? null : "%{ if true }a%{ else }b%{ endif }" }
  tags = concat([], ["x:\${V}"])
  dockerfile-inline = <<-EOT
    FROM x
  EOT
}
`;

export const BUILD_TARGETS: readonly Target[] = [
  {
    name: "bake file",
    seeds: [HCL, 'a = [{a = "b"}][*].a\n', "x = <<E\na ${1}\nE\n", "x = 1 /* c */ # d\n"],
    run: (input) => definition(readHcl(Buffer.from(input).toString("utf8"))),
    answers: isAnswer,
  },
  {
    name: "bake file, JSON",
    seeds: ['{"variable":{"V":{"default":"1"}},"target":{"a":{"tags":["x:${V}"],"args":{"k":null}}}}'],
    run: (input) => definition(readJson(Buffer.from(input).toString("utf8"), BLOCKS)),
    answers: isAnswer,
  },
  {
    name: "messages of BuildKit's clients",
    seeds: [
      control.SolveRequest.encode({ Ref: "r", Frontend: "dockerfile.v0", FrontendAttrs: { target: "a" } }),
      gateway.SolveRequest.encode({ Frontend: "dockerfile.v0", FrontendOpt: { a: "b" } }),
      Packet.encode({ type: 1, id: 2, data: Buffer.from(CONTENT_STORE) }),
      WriteContentResponse.encode({ action: 2, offset: 3 }),
    ],
    run(input) {
      for (const type of [
        control.SolveRequest,
        control.PruneRequest,
        gateway.SolveRequest,
        gateway.ReturnRequest,
        Packet,
        WriteContentResponse,
      ])
        type.decode(input);
    },
    answers: (error) => error instanceof BerthError,
  },
];
