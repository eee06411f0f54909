import { DEFAULT_DOMAIN } from "@berth/spec";
import { atMost, command } from "../../command.ts";
import { eraseCredentials, HUB_KEY, registryHost } from "../../config/credentials.ts";
import { CommandError } from "../../errors.ts";

export default command({
  names: ["logout"],
  summary: "Forget the credentials of a registry",
  description: "The default is Docker Hub.",
  usage: "[SERVER]",
  arguments: atMost(1),
  flags: {},
  async run(context, _flags, [server = ""]) {
    const isHub = server === "" || server === DEFAULT_DOMAIN;
    const host = isHub ? HUB_KEY : registryHost(server);
    // Older programs kept them under these names.
    const keys = isHub ? [HUB_KEY] : [...new Set([host, server, `http://${host}`, `https://${host}`])];
    await context.stdout.write(`Removing login credentials for ${host}\n`);
    const failures = await eraseCredentials(context, keys);
    for (const [key, why] of failures) {
      await context.stderr.write(`could not erase credentials for ${key}: ${why}\n`);
    }
    if (failures.size === keys.length) {
      throw new CommandError("WARNING: could not erase credentials");
    }
  },
});
