import { messageOf } from "@berth/base";

const HELP = `
Usage:  berth registry COMMAND

Serve a registry of images

Commands:
  gc          Free the room of what no manifest needs
  htpasswd    Make a line of a file of users
  serve       Serve images to any client of the OCI distribution API

Run 'berth registry COMMAND --help' for more information on a command.
`;

/** `berth registry …`. Ends the process with status 1 when it fails. */
export async function registryMain(argv: string[]): Promise<void> {
  // As Docker's image is called: with its configuration file alone.
  const [command, ...rest] = /\.(ya?ml|json)$/.test(argv[0] ?? "") ? ["serve", ...argv] : argv;
  try {
    switch (command) {
      case "serve":
        return await (await import("./serve.ts")).serve(rest);
      case "gc":
      case "garbage-collect":
        return await (await import("./gc.ts")).garbageCollect(rest);
      case "htpasswd":
        process.exitCode = await (await import("./htpasswd.ts")).htpasswd(rest);
        return;
      case "--version":
      case "-v":
        process.stdout.write(`registry berth v${process.env.BERTH_VERSION ?? "0.1.0"}\n`);
        return;
      case undefined:
      case "help":
      case "--help":
      case "-h":
        process.stdout.write(HELP);
        return;
      default:
        throw new Error(
          `unknown command: berth registry ${command}\n\nRun 'berth registry --help' for more information`,
        );
    }
  } catch (error) {
    process.stderr.write(`berth registry: ${messageOf(error)}\n`);
    process.exit(1);
  }
}
