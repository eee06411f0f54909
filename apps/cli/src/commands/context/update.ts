import { command, exactly } from "../../command.ts";
import { readContext } from "../../config/context-store.ts";
import { checkContextName, storeContext } from "../../config/store-context.ts";
import { string } from "../../flags/types.ts";
import { ENDPOINT_HELP, endpointFlag, readEndpoint } from "./docker-endpoint.ts";

export default command({
  names: ["context update"],
  summary: "Change a context",
  description: ENDPOINT_HELP,
  usage: "[OPTIONS] CONTEXT",
  arguments: exactly(1),
  flags: {
    "default-stack-orchestrator": string("No effect", { hidden: true, deprecated: "option will be ignored" }),
    description: string("Description"),
    docker: endpointFlag("Where the daemon is, and how to reach it"),
  },
  completes: ["context", "none"],
  async run(context, { values, given }, [name]) {
    const { folder } = await context.configuration();
    checkContextName(name!);
    const stored = await readContext(folder, name!);
    const endpoint = given("docker") ? await readEndpoint(context, values.docker) : undefined;
    const changed = {
      ...stored,
      Metadata:
        values.description === "" ? stored.Metadata : { ...stored.Metadata, Description: values.description },
      Endpoints: endpoint === undefined ? stored.Endpoints : { ...stored.Endpoints, docker: endpoint.docker },
    };
    await storeContext(folder, changed, endpoint?.tls);
    await context.stdout.write(`${name}\n`);
    await context.stderr.write(`Successfully updated context "${name}"\n`);
  },
});
