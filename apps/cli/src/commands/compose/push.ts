import { type Client, escapeReference, jsonLines } from "@berth/client";
import { serviceOf, withDependencies } from "@berth/compose";
import { familiarRepository, parseReference, withDefaultTag } from "@berth/spec";
import { atLeast, command } from "../../command.ts";
import { loadTarget, withEngine } from "../../compose/engine.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["compose push"],
  summary: "Push service images",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    "ignore-push-failures": bool("Push what can be pushed, and ignore the others"),
    "include-deps": bool("Push images of dependencies, too"),
    quiet: bool("Push without telling progress", { shorthand: "q" }),
  },
  async run(context, { values }, services) {
    const target = await loadTarget(context, services);
    const chosen = withDependencies(target.project.services, services, {
      dependencies: values["include-deps"],
    });
    await withEngine(context, { title: "Pushing", quiet: values.quiet }, async (engine) => {
      const { client, progress } = engine;
      const results = await Promise.allSettled(
        [...chosen].map(async (name) => {
          const service = serviceOf(target, name)!;
          if (!service.image || service.build === undefined) {
            progress.event({ id: name, text: "Skipped", status: "done" });
            return;
          }
          for (const image of [service.image, ...(service.build.tags ?? [])]) {
            progress.event({ id: name, text: "Pushing", status: "working" });
            if (!context.compose?.dryRun) {
              await pushImage(client, image, await engine.auth(parseReference(image).domain), (id, text) => {
                progress.event({ id, parent: name, text, status: "working" });
              });
            }
          }
          progress.event({ id: name, text: "Pushed", status: "done" });
        }),
      );
      const failure = results.find((result) => result.status === "rejected");
      if (failure !== undefined && !values["ignore-push-failures"]) throw failure.reason;
    });
  },
});

interface PushLine {
  id?: string;
  status?: string;
  error?: string;
}

async function pushImage(
  client: Client,
  image: string,
  auth: string | undefined,
  tell: (id: string, text: string) => void,
): Promise<void> {
  const reference = withDefaultTag(parseReference(image));
  const response = await client.request({
    method: "POST",
    path: `/images/${escapeReference(familiarRepository(reference))}/push`,
    query: { ...(reference.tag && { tag: reference.tag }) },
    headers: { "X-Registry-Auth": auth ?? "e30=" },
  });
  for await (const line of jsonLines<PushLine>(response)) {
    if (line.error !== undefined) throw new CommandError(line.error);
    if (line.id !== undefined && line.status) tell(line.id, line.status);
  }
}
