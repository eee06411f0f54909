import { BerthError, messageOf, systemError } from "@berth/base";
import { type Client, imagePull, jsonLines } from "@berth/client";
import { parseReference, repositoryOf, withDefaultTag } from "@berth/spec";
import type { Progress } from "../progress.ts";
import type { NamedService } from "../target.ts";

/** The `X-Registry-Auth` header for an image's registry. */
export type PullAuth = (registry: string) => Promise<string | undefined>;

interface ProgressLine {
  id?: string;
  status?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

/** Compose's exit status when an image cannot be had. */
const PULL_FAILED = 18;

const DONE = new Set(["Pull complete", "Already exists", "Download complete"]);

/** Pulls a service's image and tells its layers. @throws system with the daemon's words. */
export async function pullImage(
  source: { client: Client; progress: Progress; auth: PullAuth },
  service: NamedService,
  image: string,
  options: { quiet: boolean; signal?: AbortSignal },
): Promise<void> {
  const { client, progress } = source;
  const id = service.name;
  progress.event({ id, text: "Pulling", status: "working" });
  try {
    const reference = withDefaultTag(parseReference(image));
    const auth = await source.auth(reference.domain);
    const response = await imagePull(client, {
      image: repositoryOf(reference),
      tag: reference.digest ?? reference.tag ?? "",
      ...(auth !== undefined && { auth }),
      ...(service.platform && { platform: service.platform }),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    for await (const line of jsonLines<ProgressLine>(response)) {
      if (line.error !== undefined) throw systemError(line.error);
      if (options.quiet || line.id === undefined || !line.status || line.status.startsWith("Pulling from"))
        continue;
      const { current, total } = line.progressDetail ?? {};
      progress.event({
        id: line.id,
        parent: id,
        text: line.status,
        status: DONE.has(line.status) ? "done" : "working",
        ...(current !== undefined && { current }),
        ...(total !== undefined && { total }),
      });
    }
    progress.event({ id, text: "Pulled", status: "done" });
  } catch (error) {
    progress.event({ id, text: "Error", status: "error", detail: messageOf(error) });
    throw failedPull(error);
  }
}

function failedPull(error: unknown): unknown {
  if (!(error instanceof BerthError) || error.name === "ConnectError") return error;
  const message =
    error.name === "ApiError" || error.kind === "system"
      ? `Error response from daemon: ${error.message}`
      : error.message;
  return new BerthError(error.kind, message, { cause: error, exitCode: PULL_FAILED });
}
