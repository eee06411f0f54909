import { command, exactly } from "../../command.ts";
import { readContext } from "../../config/context-store.ts";
import { checkContextName } from "../../config/store-context.ts";
import { changeConfig } from "../../config/write-config.ts";

export default command({
  names: ["context use"],
  summary: "Talk to this context's daemon from now on",
  usage: "CONTEXT",
  arguments: exactly(1),
  flags: {},
  completes: ["context", "none"],
  async run(context, _flags, [name]) {
    const { folder, file } = await context.configuration();
    if (name !== "default") {
      checkContextName(name!);
      await readContext(folder, name!);
    }
    const wanted = name === "default" ? "" : name!;
    if ((file.currentContext ?? "") !== wanted) {
      await changeConfig(folder, (config) => {
        if (wanted === "") delete config.currentContext;
        else config.currentContext = wanted;
      });
    }
    await context.stdout.write(`${name}\n`);
    await context.stderr.write(`Current context is now "${name}"\n`);
    if (name !== "default" && context.environment.DOCKER_HOST) {
      await context.stderr.write(
        `Warning: DOCKER_HOST environment variable overrides the active context. To use "${name}", either set the global --context flag, or unset DOCKER_HOST environment variable.\n`,
      );
    }
  },
});
