import { atMost, command } from "../../command.ts";
import { registryKey } from "../../config/registry-auth.ts";
import { changeConfig } from "../../config/write-config.ts";
import { CommandError } from "../../errors.ts";

export default command({
  names: ["logout"],
  summary: "Forget the credentials of a registry",
  description: "The default is Docker Hub.",
  usage: "[SERVER]",
  arguments: atMost(1),
  flags: {},
  async run(context, _flags, [server = ""]) {
    const { folder, file } = await context.configuration();
    const key = registryKey(server);
    const helper = file.credHelpers?.[key] ?? file.credsStore;
    if (helper) {
      throw new CommandError(
        `This registry's credentials are kept by docker-credential-${helper}: erase them with it`,
      );
    }
    await context.stdout.write(`Removing login credentials for ${server === "" ? key : server}\n`);
    await changeConfig(folder, (config) => {
      const names = Object.keys(config.auths ?? {}).filter((name) => registryKey(name) === key);
      for (const name of names) delete config.auths![name];
    });
  },
});
