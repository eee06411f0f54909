import { parseHost } from "@berth/client";
import { anyContext } from "../../config/any-context.ts";
import type { StoredContext } from "../../config/context-store.ts";
import { readTlsFiles, type TlsFiles } from "../../config/context-tls.ts";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { parseCsvLine } from "../../flags/csv.ts";
import { parseBool } from "../../flags/go-numbers.ts";
import { custom } from "../../flags/types.ts";

type Pairs = ReadonlyMap<string, string>;

/** `--docker host=…,ca=…`. */
export const endpointFlag = (help: string) =>
  custom<Pairs>({
    type: "stringToString",
    help,
    initial: () => new Map(),
    defaultText: "[]",
    parse: (text, before) => {
      const pairs = parseCsvLine(text).map((pair) => {
        const at = pair.indexOf("=");
        if (at < 0) throw new Error(`${pair} must be formatted as key=value`);
        return [pair.slice(0, at), pair.slice(at + 1)] as const;
      });
      return new Map([...before, ...pairs]);
    },
  });

export const ENDPOINT_HELP = `Keys of --docker:
  from              take the endpoint of this context
  host              where the daemon listens
  ca                trust only certificates signed by this authority (file)
  cert              our certificate (file)
  key               its key (file)
  skip-tls-verify   do not check the daemon's certificate`;

const KEYS = new Set(["from", "host", "ca", "cert", "key", "skip-tls-verify"]);

interface Endpoint {
  docker: NonNullable<StoredContext["Endpoints"]["docker"]>;
  tls: TlsFiles;
}

/** The endpoint that `--docker` describes. @throws CommandError in Docker's words. */
export async function readEndpoint(context: Context, pairs: Pairs): Promise<Endpoint> {
  try {
    return await parseEndpoint(context, pairs);
  } catch (error) {
    throw new CommandError(`unable to create docker endpoint config: ${(error as Error).message}`);
  }
}

async function parseEndpoint(context: Context, pairs: Pairs): Promise<Endpoint> {
  const unknown = [...pairs.keys()].filter((key) => !KEYS.has(key)).sort();
  if (unknown.length > 0) {
    throw new CommandError(unknown.map((key) => `unrecognized config key: ${key}`).join("\n"));
  }
  const from = pairs.get("from");
  if (from) {
    const { stored, tls } = await anyContext(context, from);
    if (stored.Endpoints.docker === undefined) {
      throw new CommandError(`unable to get endpoint from context ${JSON.stringify(from)}`);
    }
    return { docker: stored.Endpoints.docker, tls };
  }
  const skip = pairs.get("skip-tls-verify") ?? "";
  let skipVerify = false;
  if (skip !== "") {
    try {
      skipVerify = parseBool(skip);
    } catch {
      throw new CommandError(`skip-tls-verify: parsing ${JSON.stringify(skip)}: invalid syntax`);
    }
  }
  const tls = await readTlsFiles(pairs);
  const host = pairs.get("host") ?? "";
  try {
    if (host !== "" && !host.includes("://")) throw new Error("no scheme");
    if (host !== "") parseHost(host);
  } catch {
    throw new CommandError(
      `unable to apply docker endpoint options: unable to parse docker host \`${host}\``,
    );
  }
  return { docker: { ...(host !== "" && { Host: host }), SkipTLSVerify: skipVerify }, tls };
}
