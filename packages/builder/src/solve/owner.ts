import type { Digest } from "@berth/base";
import { resolveUser } from "@berth/runtime";
import type { Snapshots } from "@berth/snapshot";
import { layerFolders } from "../layers/new-layer.ts";
import { LayerStack } from "../layers/stack.ts";

const MAX_TEXT = 8 * 1024 * 1024;

/** `user[:group]` in numbers, names looked up in the layers; undefined for nothing given. A number alone is the group's too. @throws invalid-parameter */
export async function resolveOwner(
  snapshots: Snapshots,
  chain: readonly Digest[],
  owner: string | undefined,
): Promise<{ uid: number; gid: number } | undefined> {
  if (owner === undefined || owner === "") return undefined;
  const both = /^(\d+):(\d+)$/.exec(owner);
  if (both !== null) return { uid: Number(both[1]), gid: Number(both[2]) };
  if (/^\d+$/.test(owner)) return { uid: Number(owner), gid: Number(owner) };
  const stack = new LayerStack(layerFolders(snapshots, chain));
  const [passwd, group] = await Promise.all([
    stack.readText("etc/passwd", MAX_TEXT),
    stack.readText("etc/group", MAX_TEXT),
  ]);
  const { uid, gid } = resolveUser(owner, [], passwd, group);
  return { uid, gid };
}
