import type { ContextSource, Exporter } from "@berth/api/build";
import { invalidParameter, notImplemented } from "@berth/base";
import type { FrontendRequest } from "../attributes.ts";
import { sessionFolder } from "./file-sync.ts";
import { sendFolder } from "./folder-send.ts";
import { sessionAuth, sessionSecrets, sessionSsh } from "./providers.ts";
import type { Session } from "./session.ts";
import { pullUpload, sendFile } from "./transfers.ts";

/** Host of URLs that mean the client's own upload service. */
const UPLOAD_HOST = "buildkit-session";

/** What a session gives to a build. */
export function sessionProviders(session: Session) {
  const secrets = sessionSecrets(session);
  const ssh = sessionSsh(session);
  const auth = sessionAuth(session);
  return { ...(secrets && { secrets }), ...(ssh && { ssh }), ...(auth && { auth }) };
}

export function sessionSources(session: Session): Pick<FrontendRequest, "local" | "remote"> {
  return {
    local: (name): ContextSource => ({ kind: "sync", sync: sessionFolder(session, name) }),
    remote(url) {
      if (!url.startsWith(`http://${UPLOAD_HOST}/`)) return undefined;
      return { kind: "tar", stream: pullUpload(session, new URL(url)) };
    },
  };
}

/** An exporter whose result goes to the client. `at`: its place among the build's exporters. */
export function sessionExporter(
  type: string,
  attributes: Readonly<Record<string, string>>,
  session: Session | undefined,
  at: number,
): Exporter {
  switch (type) {
    case "":
    case "moby":
    case "image":
      return { type: "image", attributes };
    case "local":
    case "tar":
    case "oci":
    case "docker":
      break;
    case "cacheonly":
      throw invalidParameter("cacheonly is no exporter");
    default:
      throw invalidParameter(`exporter ${JSON.stringify(type)} could not be found`);
  }
  if (session === undefined) throw invalidParameter(`the exporter ${type} needs the client's session`);
  const asFolder = type === "local" || ((type === "oci" || type === "docker") && attributes.tar === "false");
  if (asFolder && type !== "local") {
    throw notImplemented(`${type} with tar=false into a client's folder is not supported; use a file`);
  }
  return {
    type,
    attributes,
    output: {
      kind: "stream",
      write: (tar, signal) =>
        asFolder ? sendFolder(session, tar, signal, at) : sendFile(session, tar, {}, signal, at),
    },
  };
}
