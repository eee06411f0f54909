import { command, noArguments } from "../../command.ts";

export default command({
  names: ["system dial-stdio"],
  summary: "Connect stdin and stdout with the daemon (what ssh:// calls on the far machine)",
  usage: "",
  arguments: noArguments,
  flags: {},
  hidden: true,
  async run(context) {
    const connection = await (await context.client()).connect();
    const send = async () => {
      for await (const chunk of context.stdin.chunks()) await connection.write(chunk);
      connection.closeWrite();
    };
    // The daemon's end ends us, even when our input goes on.
    const sent = send();
    sent.catch((error: unknown) => connection.destroy(error as Error));
    for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
      await context.stdout.write(chunk);
    }
    connection.destroy();
  },
});
