import { systemVersion } from "@berth/client";
import { command, noArguments } from "../../command.ts";

export default command({
  names: ["buildx ls"],
  summary: "List builders: there is one, the daemon's own",
  usage: "",
  arguments: noArguments,
  flags: {},
  async run(context) {
    const client = await context.client();
    const { Version, Os, Arch } = await systemVersion(client);
    const rows = [
      ["NAME/NODE", "DRIVER/ENDPOINT", "STATUS", "BUILDKIT", "PLATFORMS"],
      ["default*", "docker", "", "", ""],
      [" \\_ default", " \\_ default", "running", `berth ${Version}`, `${Os}/${Arch}`],
    ];
    const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => (row[at] as string).length)) + 4);
    const line = (row: string[]) =>
      `${row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("")
        .trimEnd()}\n`;
    await context.stdout.write(rows.map(line).join(""));
  },
});
