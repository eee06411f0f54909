import type { CacheEndpoint, ContextSource, Exporter } from "@berth/api/build";
import { CONTENT_METHODS } from "@berth/api/buildkit";
import { type Digest, invalidParameter } from "@berth/base";
import type { FrontendRequest } from "../attributes.ts";
import { ClientStore } from "./content-store.ts";
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

export function sessionSources(session: Session): Pick<FrontendRequest, "local" | "remote" | "layout"> {
  return {
    local: (name): ContextSource => ({ kind: "sync", sync: sessionFolder(session, name) }),
    layout(store, reference): ContextSource {
      const digest = /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
      // A client without a store of layouts offers the folder, and leaves the tag to us.
      if (digest === undefined || !session.supports(CONTENT_METHODS.info))
        return {
          kind: "oci-layout",
          source: { kind: "sync", sync: sessionFolder(session, store) },
          reference,
        };
      const stream = layoutStream(new ClientStore(session, LAYOUT_STORE + store), digest as Digest);
      return { kind: "oci-layout", source: { kind: "tar", stream, ignored: true }, reference: `@${digest}` };
    },
    remote(url) {
      if (!url.startsWith(`http://${UPLOAD_HOST}/`)) return undefined;
      return { kind: "tar", stream: pullUpload(session, new URL(url)) };
    },
  };
}

function layoutStream(store: ClientStore, root: Digest, signal = new AbortController().signal) {
  const pieces = store.layout(root, signal);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await pieces.next();
        if (step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      cancel: async () => void (await pieces.return(undefined)),
    },
    { highWaterMark: 0 },
  );
}

/** BuildKit's names of the client's stores. */
const LAYOUT_STORE = "oci:";
const CACHE_STORE = "local:";
const EXPORT_STORE = "export";

/** A cache of the type `local` lies in a folder of the client; the client says which manifest of it is meant. */
export function sessionCache(endpoint: CacheEndpoint, session: Session): CacheEndpoint {
  const { type, attributes } = endpoint;
  if (type !== "local") return endpoint;
  const { src, dest, digest } = attributes;
  const store = () => new ClientStore(session, CACHE_STORE + (dest ?? src));
  return {
    ...endpoint,
    folder: {
      kind: "stream",
      read: async (signal) =>
        digest === undefined ? undefined : layoutStream(store(), digest as Digest, signal),
      write: (tar, signal) => store().write(tar, signal),
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
  return {
    type,
    attributes,
    output: {
      kind: "stream",
      write(tar, signal) {
        if (!asFolder) return sendFile(session, tar, {}, signal, at);
        // A client without a store takes all of a layout as files.
        if (type === "local" || !session.supports(CONTENT_METHODS.info))
          return sendFolder(session, tar, signal, at);
        return new ClientStore(session, EXPORT_STORE).write(tar, signal);
      },
    },
  };
}
