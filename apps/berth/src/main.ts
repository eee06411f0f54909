/**
 * The one executable. What it is depends on its first argument. Each program is a module of its own inside the executable
 * (programs/, put in beside this one by tools/build.ts), because entering a bundle of all of them would cost each command
 * 3 ms and each shim the daemon's code.
 */
import type * as cli from "@berth/app-cli";
import { QUICK_NAMES } from "@berth/app-cli/quick/names";
import { isDockerCompose, programName, versionLine } from "@berth/app-cli/version";
import type * as daemon from "@berth/app-daemon";
import type * as registry from "@berth/app-registry";
import type * as shim from "@berth/app-shim";
import type * as worker from "@berth/app-worker";

interface Programs {
  cli: typeof cli;
  daemon: typeof daemon;
  registry: typeof registry;
  shim: typeof shim;
  worker: typeof worker;
}

/** The name is put together at run time, so that the bundler leaves it to us to find the module. */
function importProgram(name: string, source: string): Promise<unknown> {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  const module = isCompiled ? `/$bunfs/root/programs/${name}.js` : source;
  return import(module);
}

function load<Name extends keyof Programs>(name: Name): Promise<Programs[Name]> {
  return importProgram(name, `@berth/app-${name}`) as Promise<Programs[Name]>;
}

/** Some commands are programs of their own. @returns when it is none, or when there is more to say than they can. */
async function runQuickly(argv: readonly string[]): Promise<void> {
  const name = argv.find((word) => QUICK_NAMES.includes(word));
  if (name === undefined) return;
  const program = await importProgram(`quick/${name}`, `@berth/app-cli/quick/${name}`);
  await (program as { main(argv: readonly string[]): Promise<void> }).main(argv);
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const called = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
  // In the image that `berth image bootstrap registry` makes.
  if (called === "registry") return (await load("registry")).registryMain(argv);
  if (called === "htpasswd") return (await load("registry")).registryMain(["htpasswd", ...argv]);
  if (isDockerCompose(process.argv0)) {
    process.exitCode = await (await load("cli")).cliMain(argv);
    return;
  }
  switch (argv[0]) {
    case "daemon":
      return (await load("daemon")).daemonMain(argv.slice(1));
    case "registry":
      return (await load("registry")).registryMain(argv.slice(1));
    case "shim-server":
      return (await load("shim")).shimServerMain(argv.slice(1));
    case "worker":
      await (await load("worker")).workerMain(argv.slice(1));
      return;
    case "--version":
    case "-v":
      console.log(versionLine(programName(process.argv0)));
      return;
    default:
      await runQuickly(argv);
      process.exitCode = await (await load("cli")).cliMain(argv);
  }
}

void main();
