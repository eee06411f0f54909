import type { Client } from "@berth/client";
import type { ComposeOptions } from "./compose/flags.ts";
import type { Configuration } from "./config/config-file.ts";
import type { Context, GlobalOptions } from "./context.ts";
import type { Parsed } from "./flags/flag.ts";
import type { GLOBAL_FLAGS } from "./global-flags.ts";
import type { Invocation } from "./invocation.ts";

/** The context of one run; `close` drops its connections. */
export function createContext(
  invocation: Invocation,
  called: string,
  globals: Parsed<typeof GLOBAL_FLAGS>,
  compose?: ComposeOptions,
): Context & { close(): void } {
  const { values } = globals;
  const options: GlobalOptions = {
    config: values.config || undefined,
    context: values.context || undefined,
    hosts: values.host,
    debug: values.debug || ["debug", "trace"].includes(values["log-level"]),
    tls: values.tls,
    tlsVerify: globals.given("tlsverify") ? values.tlsverify : undefined,
    tlsCaCert: values.tlscacert || undefined,
    tlsCert: values.tlscert || undefined,
    tlsKey: values.tlskey || undefined,
  };
  let client: Promise<Client> | undefined;
  let connected: Client | undefined;
  let configuration: Promise<Configuration> | undefined;
  const { program, stdin, stdout, stderr, environment } = invocation;
  const context: Context = {
    program,
    called,
    options,
    ...(compose !== undefined && { compose }),
    environment,
    stdin,
    stdout,
    stderr,
    configuration() {
      configuration ??= (async () => {
        const { configFolder, readConfigFile } = await import("./config/config-file.ts");
        const folder = configFolder(options.config, environment);
        return { folder, file: await readConfigFile(folder, (text) => stderr.write(text)) };
      })();
      return configuration;
    },
    client() {
      client ??= (async () => {
        const { connect } = await import("./config/connect.ts");
        connected = await connect(context);
        return connected;
      })();
      return client;
    },
    async isTerminal(fd) {
      if (invocation.isTerminal !== undefined) return invocation.isTerminal(fd);
      const { terminal } = await import("./io/terminal.ts");
      return terminal.is(fd);
    },
  };
  return { ...context, close: () => connected?.close() };
}
