import { atMost, command } from "../../command.ts";
import { HUB_KEY, registryKey } from "../../config/registry-auth.ts";
import { changeConfig } from "../../config/write-config.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";

const MOST_PASSWORD_BYTES = 64 * 1024;

export default command({
  names: ["login"],
  summary: "Log in to a registry",
  description: "The default is Docker Hub.",
  usage: "[OPTIONS] [SERVER]",
  arguments: atMost(1),
  flags: {
    password: string("Password or token (shows in the list of processes: prefer --password-stdin)", {
      shorthand: "p",
    }),
    "password-stdin": bool("Read password or token from stdin"),
    username: string("User", { shorthand: "u" }),
  },
  examples: [
    { what: "With a token from a file", words: "login -u me --password-stdin registry.example <token" },
  ],
  async run(context, { values, given }, [server = ""]) {
    if (given("password")) {
      await context.stderr.write(
        "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n",
      );
    }
    if (given("password") && values["password-stdin"]) {
      throw new CommandError("--password and --password-stdin are mutually exclusive");
    }
    if (values["password-stdin"] && values.username === "") {
      throw new CommandError("the --password-stdin option requires --username to be set");
    }
    const { folder, file } = await context.configuration();
    const password = values["password-stdin"] ? await readPassword(context) : values.password;
    if (values.username === "" || password === "") {
      if (!(await context.isTerminal(0))) {
        throw new CommandError("Error: Cannot perform an interactive login from a non TTY device");
      }
      throw new CommandError("Give the user with --username and the password with --password-stdin");
    }
    const key = registryKey(server);
    const helper = file.credHelpers?.[key] ?? file.credsStore;
    if (helper) {
      throw new CommandError(
        `This registry's credentials are kept by docker-credential-${helper}: store them with it`,
      );
    }
    const answer = await (await context.client()).json<{ Status?: string; IdentityToken?: string }>({
      method: "POST",
      path: "/auth",
      json: { username: values.username, password, serveraddress: server === "" ? HUB_KEY : server },
    });
    const token = answer.IdentityToken;
    await changeConfig(folder, (config) => {
      const auth = Buffer.from(`${values.username}:${token ? "" : password}`).toString("base64");
      config.auths = { ...config.auths, [key]: { auth, ...(token && { identitytoken: token }) } };
    });
    await context.stderr.write(
      `\nWARNING! Your credentials are stored unencrypted in '${folder}/config.json'.\n\n`,
    );
    if (answer.Status) await context.stdout.write(`${answer.Status}\n`);
  },
});

async function readPassword(context: Context): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of context.stdin.chunks()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MOST_PASSWORD_BYTES) throw new CommandError("the password is too long");
  }
  return text.replace(/\r?\n$/, "");
}
