import { DEFAULT_DOMAIN } from "@berth/spec";
import { atMost, command } from "../../command.ts";
import {
  type Credentials,
  HUB_KEY,
  readCredentials,
  registryHost,
  storeCredentials,
} from "../../config/credentials.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { ask, askHidden } from "../../prompt.ts";

const MOST_PASSWORD_BYTES = 64 * 1024;

/** What the daemon answers to `POST /auth`. */
interface AuthAnswer {
  Status?: string;
  IdentityToken?: string;
}

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
  async run(context, { values }, [server = ""]) {
    if (values.password !== "" && values["password-stdin"]) {
      throw new CommandError("conflicting options: cannot specify both --password and --password-stdin");
    }
    if (values["password-stdin"] && values.username === "") {
      throw new CommandError("the --password-stdin option requires --username to be set");
    }
    if (values.password !== "") {
      await context.stderr.write(
        "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n",
      );
    }
    const password = values["password-stdin"] ? await readPassword(context) : values.password;
    const address = server === "" || server === DEFAULT_DOMAIN ? HUB_KEY : server;
    const key = address === HUB_KEY ? HUB_KEY : registryHost(address);
    const known = await readCredentials(context, key).catch(() => undefined);
    if (values.username === "" && password === "" && known?.username && known.password) {
      const status = await withKnown(context, key, known);
      if (status !== undefined) {
        await context.stdout.write(`${status}\n`);
        return;
      }
    }
    const credentials = await complete(context, { address, key, password, user: values.username, known });
    const answer = await authenticate(context, credentials);
    await keep(context, key, { ...credentials, serveraddress: key }, answer);
    if (answer.Status) await context.stdout.write(`${answer.Status}\n`);
  },
});

async function authenticate(context: Context, credentials: Credentials): Promise<AuthAnswer> {
  const client = await context.client();
  return client.json<AuthAnswer>({ method: "POST", path: "/auth", json: credentials });
}

/** Logs in with what is kept already. @returns undefined when the registry does not take it any more. */
async function withKnown(context: Context, key: string, known: Credentials): Promise<string | undefined> {
  await context.stderr.write(
    `Authenticating with existing credentials... [Username: ${known.username}]\n\n Info -> To login with a different account, run 'docker logout' followed by 'docker login'\n\n\n`,
  );
  try {
    const answer = await authenticate(context, known);
    await keep(context, key, { ...known, serveraddress: key }, answer);
    return answer.Status ?? "";
  } catch (error) {
    const { describeError } = await import("../../describe-error.ts");
    await context.stderr.write(`Login did not succeed, error: ${describeError(context.program, error)}\n`);
    return undefined;
  }
}

async function keep(context: Context, key: string, credentials: Credentials, answer: AuthAnswer) {
  const { username, password, serveraddress } = credentials;
  const token = answer.IdentityToken;
  const kept: Credentials = {
    ...(username !== undefined && { username }),
    ...(token ? { identitytoken: token } : password !== undefined && { password }),
    serveraddress,
  };
  let isReadable: boolean;
  try {
    isReadable = await storeCredentials(context, key, kept);
  } catch (error) {
    throw new CommandError(`Error saving credentials: ${(error as Error).message}`);
  }
  if (!isReadable) return;
  const { folder } = await context.configuration();
  await context.stderr.write(
    `\nWARNING! Your credentials are stored unencrypted in '${folder}/config.json'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n`,
  );
}

/** Asks on the terminal for what was not given. @throws CommandError */
async function complete(
  context: Context,
  given: { address: string; key: string; user: string; password: string; known: Credentials | undefined },
): Promise<Credentials> {
  const { address, key, known } = given;
  if ((given.user === "" || given.password === "") && !(await context.isTerminal(0))) {
    throw new CommandError("Error: Cannot perform an interactive login from a non TTY device");
  }
  let username = given.user;
  if (username === "") {
    if (key === HUB_KEY) await context.stdout.write(HUB_TEXT);
    const before = known?.username?.trim() ?? "";
    username = (await ask(context, before === "" ? "Username: " : `Username (${before}): `)) || before;
    if (username === "") throw new CommandError("Error: Non-null Username Required");
  }
  let password = given.password;
  if (password === "") {
    password = await askHidden(context, "Password: ");
    if (password === "") throw new CommandError("Error: Password Required");
  }
  return { username, password, serveraddress: address };
}

const HUB_TEXT =
  "Log in with your Docker ID or email address to push and pull images from Docker Hub.\n" +
  "A personal access token can be used instead of the password: https://app.docker.com/settings\n\n";

async function readPassword(context: Context): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of context.stdin.chunks()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MOST_PASSWORD_BYTES) throw new CommandError("the password is too long");
  }
  return text.replace(/\r?\n$/, "");
}
