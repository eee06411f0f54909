import { command, noArguments } from "../../command.ts";
import { contextName } from "../../config/endpoint.ts";

export default command({
  names: ["context show"],
  summary: "Print the name of the context in use",
  usage: "",
  arguments: noArguments,
  flags: {},
  async run(context) {
    await context.stdout.write(`${await contextName(context)}\n`);
  },
});
