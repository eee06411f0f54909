import {
  type Client,
  containerInspectText,
  imageInspectText,
  networkInspectText,
  volumeInspectText,
} from "@berth/client";
import { atLeast, command } from "../command.ts";
import type { Context } from "../context.ts";
import { isBerthError, isNotFound } from "../error-kinds.ts";
import { CommandError } from "../errors.ts";
import { bool, string } from "../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../format/help.ts";
import { type Inspected, inspectEach } from "../inspect-each.ts";

interface Kind {
  name: string;
  /** Go's name of the type. */
  type: string;
  fetch(client: Client, name: string, size: boolean): Promise<string>;
}

const path = (noun: string) => async (client: Client, name: string) =>
  (await client.request({ method: "GET", path: `/${noun}/${encodeURIComponent(name)}` })).text();

/** In the order in which a name is looked for. The second group is a swarm's and plugins'. */
const KINDS: readonly Kind[] = [
  {
    name: "container",
    type: "container.InspectResponse",
    fetch: (c, name, size) => containerInspectText(c, name, { size }),
  },
  { name: "image", type: "image.InspectResponse", fetch: (c, name) => imageInspectText(c, name) },
  { name: "network", type: "network.Inspect", fetch: (c, name) => networkInspectText(c, name) },
  { name: "volume", type: "volume.Volume", fetch: (c, name) => volumeInspectText(c, name) },
];
const OTHERS: readonly Kind[] = ["config", "node", "secret", "service", "task"].map((name) => ({
  name,
  type: `swarm.${name[0]!.toUpperCase()}${name.slice(1)}`,
  fetch: path(`${name}s`),
}));
const PLUGIN: Kind = {
  name: "plugin",
  type: "types.Plugin",
  fetch: async (client, name) =>
    (await client.request({ method: "GET", path: `/plugins/${encodeURIComponent(name)}/json` })).text(),
};
const ALL = [...KINDS, ...OTHERS, PLUGIN];

export default command({
  names: ["inspect"],
  summary: "Show everything about containers, images, networks, volumes",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  arguments: atLeast(1),
  flags: {
    format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }),
    size: bool("Show sizes of containers", { shorthand: "s" }),
    type: string("Look only among things of this kind", { values: ALL.map(({ name }) => name) }),
  },
  completes: ["container"],
  async run(context, { values, given }, names) {
    if (given("type") && values.type === "") {
      throw new CommandError(`type is empty: must be one of ${kindNames()}`);
    }
    const kind = ALL.find(({ name }) => name === values.type);
    if (values.type !== "" && kind === undefined) {
      throw new CommandError(`unknown type: "${values.type}": must be one of ${kindNames()}`);
    }
    const client = await context.client();
    await inspectEach(context, names, values.format, async (name) =>
      kind === undefined
        ? find(context, client, name, values.size)
        : inspectKind(context, client, kind, name, values.size),
    );
  },
});

const kindNames = () =>
  ALL.map(({ name }) => `"${name}"`)
    .sort()
    .join(", ");

async function inspectKind(
  context: Context,
  client: Client,
  { name: kind, type, fetch }: Kind,
  name: string,
  size: boolean,
): Promise<Inspected> {
  const json = await fetch(client, name, size);
  if (size && kind !== "container") await context.stderr.write(`WARNING: --size ignored for ${kind}\n`);
  return { json, type };
}

/** The first kind that knows the name. @throws CommandError when none does. */
async function find(context: Context, client: Client, name: string, size: boolean): Promise<Inspected> {
  for (const kind of [...KINDS, PLUGIN]) {
    try {
      return await inspectKind(context, client, kind, name, size);
    } catch (error) {
      if (isNotFound(error)) continue;
      // A name that this kind could not have, or a kind that this daemon does not know.
      const answered = isBerthError(error, "ApiError");
      if (answered && (error.status === 400 || error.status === 501 || /not supported/.test(error.message)))
        continue;
      throw error;
    }
  }
  throw new CommandError(`Error: No such object: ${name}`);
}
