import { command, exactly } from "../../command.ts";
import { anyContext, DEFAULT_DESCRIPTION } from "../../config/any-context.ts";
import { contextName } from "../../config/endpoint.ts";
import { checkContextName, contextExists, storeContext } from "../../config/store-context.ts";
import { CommandError } from "../../errors.ts";
import { string } from "../../flags/types.ts";
import { ENDPOINT_HELP, endpointFlag, readEndpoint } from "./docker-endpoint.ts";

export default command({
  names: ["context create"],
  summary: "Create a context: a name for a daemon",
  description: ENDPOINT_HELP,
  usage: "[OPTIONS] CONTEXT",
  arguments: exactly(1),
  flags: {
    "default-stack-orchestrator": string("No effect", { hidden: true, deprecated: "option will be ignored" }),
    description: string("Description"),
    docker: endpointFlag("Where the daemon is, and how to reach it"),
    from: string("Copy this context", { values: "context" }),
  },
  examples: [
    { what: "A daemon on another machine", words: 'context create far --docker "host=ssh://root@host"' },
  ],
  async run(context, { values, given }, [name]) {
    const { folder } = await context.configuration();
    checkContextName(name!);
    if (values.from !== "" && given("docker")) {
      throw new CommandError("cannot use --docker flag when --from is set");
    }
    if (await contextExists(folder, name!)) throw new CommandError(`context "${name}" already exists`);
    if (given("docker")) {
      const { docker, tls } = await readEndpoint(context, values.docker);
      const metadata = values.description === "" ? {} : { Description: values.description };
      await storeContext(folder, { Name: name!, Metadata: metadata, Endpoints: { docker } }, tls);
    } else {
      const from = values.from || (await contextName(context));
      const { stored, tls } = await anyContext(context, from);
      const described = from === "default" ? { Description: DEFAULT_DESCRIPTION } : stored.Metadata;
      const metadata =
        values.description === "" ? described : { ...described, Description: values.description };
      await storeContext(folder, { ...stored, Name: name!, Metadata: metadata }, tls);
    }
    await context.stdout.write(`${name}\n`);
    await context.stderr.write(`Successfully created context "${name}"\n`);
  },
});
