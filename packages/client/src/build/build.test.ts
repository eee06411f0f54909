import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeBuildRequest } from "@berth/api/build";
import { Client } from "../client.ts";
import { type BuildOptions, build, UnseenFolders } from "./build.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-build-client-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Builds by way of a daemon that gives this answer. @returns also what it was asked for */
async function ask(answer: Response, more: Partial<BuildOptions>) {
  const unix = join(folder, "d.sock");
  const asked: NativeBuildRequest[] = [];
  await using _ = Bun.serve({
    unix,
    async fetch(request) {
      asked.push((await request.json()) as NativeBuildRequest);
      return answer;
    },
  });
  const client = new Client({ host: `unix://${unix}` });
  try {
    const offers = {
      folders: { context: folder },
      secrets: new Map(),
      agents: new Map(),
      receivers: new Map(),
    };
    const request = { attributes: {}, exporters: [] };
    const [outcome] = await Promise.allSettled([build(client, { request, offers, onEvent() {}, ...more })]);
    return { asked, outcome };
  } finally {
    client.close();
  }
}

const done = () => new Response(`${JSON.stringify({ type: "result", result: { ref: "r" } })}\n`);
const unseenBy = { pid: 1, arguments: ["build", "."] };

test("folders are named with what shows that the daemon sees them too", async () => {
  const { asked, outcome } = await ask(done(), {});
  const { dev, ino } = statSync(folder, { bigint: true });
  expect(asked[0]?.folders).toEqual({ context: { path: folder, device: `${dev}`, inode: `${ino}` } });
  expect(asked[0]).not.toHaveProperty("client");
  expect(outcome).toMatchObject({ value: { ref: "r" } });
});

test("who has not looked at them says who it is", async () => {
  const { asked, outcome } = await ask(done(), { unseenBy });
  expect(asked).toEqual([
    { attributes: {}, exporters: [], folders: { context: { path: folder } }, client: unseenBy },
  ]);
  expect(outcome).toMatchObject({ value: { ref: "r" } });
});

test.each([
  "the client has to show that /x is the same one for client and daemon",
  // A daemon that knows of no other way.
  "the folder /x is not the same one for client and daemon",
])("then %p does not send the folders: they have to be looked at", async (message) => {
  const { asked, outcome } = await ask(Response.json({ message }, { status: 400 }), { unseenBy });
  expect(asked).toHaveLength(1);
  expect(outcome).toMatchObject({ reason: expect.any(UnseenFolders) });
});
