/**
 * The one executable. What it is depends on its first argument; each program is loaded only when it is the one that runs,
 * because a command line should not pay for a daemon (dynamic imports stay lazy in the compiled file).
 */
async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  switch (argv[0]) {
    case "daemon": {
      const { daemonMain } = await import("@berth/app-daemon");
      return daemonMain(argv.slice(1));
    }
    case "shim-server": {
      const { shimServerMain } = await import("@berth/app-shim");
      return shimServerMain();
    }
    case "worker": {
      const { workerMain } = await import("@berth/app-worker");
      await workerMain(argv.slice(1));
      return;
    }
    default: {
      const { cliMain } = await import("@berth/app-cli");
      process.exitCode = await cliMain(argv);
    }
  }
}

void main();
