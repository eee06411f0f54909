import { volumeCreate } from "@berth/client";
import { atMost, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { labelsOf } from "../../flags/labels.ts";
import { list, map, string } from "../../flags/types.ts";

export default command({
  names: ["volume create"],
  summary: "Create a volume",
  usage: "[OPTIONS] [VOLUME]",
  arguments: atMost(1),
  flags: {
    driver: string("Driver", { shorthand: "d", default: "local" }),
    label: list("Label"),
    name: string("Name", { hidden: true }),
    opt: map("Options for the driver", { shorthand: "o" }),
  },
  examples: [
    { what: "A volume with a label", words: "volume create --label project=shop data" },
    {
      what: "A folder of an NFS server",
      words: "volume create -o type=nfs -o o=addr=10.0.0.5,rw -o device=:/srv/data data",
    },
  ],
  async run(context, { values }, [name]) {
    if (name !== undefined && values.name !== "") {
      throw new CommandError(
        "conflicting options: cannot specify a volume-name through both --name and as a positional arg",
      );
    }
    const volume = await volumeCreate(await context.client(), {
      ...((name ?? values.name) && { Name: name ?? values.name }),
      Driver: values.driver,
      ...(values.opt.size > 0 && { DriverOpts: Object.fromEntries(values.opt) }),
      ...(values.label.length > 0 && { Labels: labelsOf(values.label) }),
    });
    await context.stdout.write(`${volume.Name}\n`);
  },
});
