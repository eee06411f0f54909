import type { ContainerPathStat } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { get, head, put, type Route } from "../http/router.ts";
import { sendChunks } from "../http/stream.ts";
import type { ContainerFiles } from "./backend.ts";

export function archiveRoutes(containers: ContainerFiles): Route[] {
  return [
    head("/containers/{name}/archive", async (exchange) => {
      const stat = await containers.statPath(exchange.parameter("name"), archivePath(exchange));
      exchange.empty(200, statHeader(stat));
    }),

    get("/containers/{name}/archive", async (exchange) => {
      const path = archivePath(exchange);
      const { stat, tar } = await containers.getArchive(exchange.parameter("name"), path, exchange.signal);
      await sendChunks(exchange, { "Content-Type": "application/x-tar", ...statHeader(stat) }, tar);
    }),

    put("/containers/{name}/archive", async (exchange) => {
      const { query } = exchange;
      await containers.putArchive(
        exchange.parameter("name"),
        archivePath(exchange),
        exchange.bodyStream(),
        {
          noOverwriteDirNonDir: query.boolean("noOverwriteDirNonDir"),
          copyUIDGID: query.boolean("copyUIDGID"),
        },
        exchange.signal,
      );
      exchange.empty(200);
    }),

    get("/containers/{name}/export", async (exchange) => {
      const tar = await containers.export(exchange.parameter("name"), exchange.signal);
      await sendChunks(exchange, { "Content-Type": "application/octet-stream" }, tar);
    }),
  ];
}

function archivePath({ query }: Exchange): string {
  const path = query.string("path");
  if (path === "") throw invalidParameter("bad parameter: pathcannot be empty");
  return path;
}

function statHeader(stat: ContainerPathStat): Record<string, string> {
  const { name, size, mode, mtime, linkTarget } = stat;
  const json = JSON.stringify({ name, size, mode, mtime, linkTarget });
  return { "X-Docker-Container-Path-Stat": Buffer.from(json).toString("base64") };
}
