import { command, noArguments } from "../../command.ts";

export default command({
  names: ["buildx version"],
  summary: "Show the version of the builder's command line",
  usage: "",
  arguments: noArguments,
  flags: {},
  async run(context) {
    await context.stdout.write(`berth buildx ${process.env.BERTH_VERSION ?? "0.1.0"}\n`);
  },
});
