import { containerConfigDecoder } from "@berth/api";
import { hasBody } from "../http/body.ts";
import { post, type Route } from "../http/router.ts";
import type { CommitOptions, ContainerCommit } from "./backend.ts";

export function commitRoutes(containers: ContainerCommit): Route[] {
  return [
    post("/commit", async (exchange) => {
      const { query } = exchange;
      const options: CommitOptions = {
        container: query.string("container"),
        repository: query.string("repo"),
        tag: query.string("tag"),
        comment: query.string("comment"),
        author: query.string("author"),
        pause: query.boolean("pause", true),
        changes: query.all("changes"),
      };
      if (hasBody(exchange.request)) options.config = await exchange.readJson(containerConfigDecoder);
      exchange.json({ Id: await containers.commit(options, exchange.signal) }, 201);
    }),
  ];
}
