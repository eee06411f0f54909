import { observeContainers } from "@berth/compose";
import { command, exactly } from "../../command.ts";
import { findTarget } from "../../compose/engine.ts";
import { asFlags } from "../../compose/select.ts";
import { CommandError } from "../../errors.ts";
import { bool, int } from "../../flags/types.ts";
import cp, { splitArgument } from "../container/cp.ts";

export default command({
  names: ["compose cp"],
  summary: "Copy files/folders between a service container and the local filesystem",
  usage: "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|-",
  moreUsage: ["[OPTIONS] SRC_PATH|- SERVICE:DEST_PATH"],
  arguments: exactly(2),
  flags: {
    all: bool("To all containers of the service", { hidden: true }),
    archive: bool("Keep owners (user and group ids)", { shorthand: "a" }),
    "follow-link": bool("Copy what SRC_PATH leads to when it is a symbolic link", { shorthand: "L" }),
    index: int("Number of the container, if the service has several"),
  },
  async run(context, { values }, [from = "", to = ""]) {
    const source = splitArgument(from);
    const destination = splitArgument(to);
    const service = source.container || destination.container;
    if (service === "") throw new CommandError("unknown copy direction");
    if (source.container !== "" && destination.container !== "") {
      throw new CommandError("copying between services is not supported");
    }
    const target = await findTarget(context);
    const containers = (
      await observeContainers(await context.client(), target.project.name, {
        all: true,
        services: [service],
        oneOff: "exclude",
      })
    )
      .filter((each) => values.index === 0 || each.number === values.index)
      .sort((a, b) => a.number - b.number);
    if (containers.length === 0) {
      throw new CommandError(
        values.index > 0
          ? `no container found for service ${JSON.stringify(service)} at index ${values.index}`
          : `no container found for service ${JSON.stringify(service)}`,
      );
    }
    // Into every container of a service, out of the first.
    const chosen = source.container !== "" ? containers.slice(0, 1) : containers;
    const isStream = source.path === "-" || destination.path === "-";
    const flags = asFlags({ archive: values.archive, "follow-link": values["follow-link"], quiet: true }, [
      "quiet",
    ]);
    for (const { id, name } of chosen) {
      const what =
        source.container === ""
          ? `${name} copy ${from} to ${name}:${destination.path}`
          : `${name} copy ${name}:${source.path} to ${to}`;
      if (context.compose?.dryRun) {
        await context.stderr.write(` DRY-RUN MODE -  ${what}\n`);
        continue;
      }
      const tell = (word: string) => (isStream ? undefined : context.stderr.write(` ${what} ${word}\n`));
      await tell("Copying");
      await cp.run(context, flags, [
        source.container === "" ? from : `${id}:${source.path}`,
        destination.container === "" ? to : `${id}:${destination.path}`,
      ]);
      await tell("Copied");
    }
  },
});
