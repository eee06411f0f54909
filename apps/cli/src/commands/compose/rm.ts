import { remove } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget, withEngine } from "../../compose/engine.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["compose rm"],
  summary: "Removes stopped service containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    all: bool("Without meaning", { shorthand: "a", hidden: true }),
    force: bool("Do not ask", { shorthand: "f" }),
    stop: bool("Stop the containers first, if they run", { shorthand: "s" }),
    volumes: bool("Remove anonymous volumes of the containers, too", { shorthand: "v" }),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    await withEngine(context, { title: "Removing" }, async (engine) => {
      const count = await remove(engine, target, {
        services,
        stop: values.stop,
        volumes: values.volumes,
        confirm: async (names) => {
          if (values.force) {
            await context.stdout.write(`Going to remove ${names.join(", ")}\n`);
            return true;
          }
          await engine.progress.end();
          await context.stdout.write(`? Going to remove ${names.join(", ")} (y/N) `);
          const answer = await context.stdin.line();
          return answer !== undefined && /^y(es)?$/i.test(answer.trim());
        },
      });
      if (count === 0) await context.stderr.write("No stopped containers\n");
    });
  },
});
