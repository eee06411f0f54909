import { chmod, link, lstat, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { BytesMessage, hasContent, PACKET, Packet, S, type Stat, unixMode } from "@berth/api/buildkit";
import { CODE, GrpcError, type ServerCall } from "@berth/api/grpc";

/** Where the result of an exporter goes on the client. */
export type Receiver =
  | { kind: "folder"; path: string }
  | { kind: "file"; write(chunk: Uint8Array): Promise<void>; end(): Promise<void> };

/** Answers FileSend.DiffCopy. */
export async function receive(call: ServerCall, receiver: Receiver): Promise<void> {
  if (receiver.kind === "folder") return receiveFolder(call, receiver.path);
  for await (const message of call.messages()) await receiver.write(BytesMessage.decode(message).data);
  await receiver.end();
}

/** fsutil's receiving side: the listing, then contents one after the other. Names never lead out of `root`. */
async function receiveFolder(call: ServerCall, root: string): Promise<void> {
  await mkdir(root, { recursive: true });
  const messages = call.messages();
  const next = async (): Promise<Packet> => {
    const step = await messages.next();
    if (step.done === true) throw new GrpcError(CODE.INTERNAL, "unexpected EOF");
    const packet = Packet.decode(step.value);
    if (packet.type === PACKET.ERROR)
      throw new GrpcError(CODE.UNKNOWN, new TextDecoder().decode(packet.data));
    return packet;
  };
  const stats: Stat[] = [];
  for (let packet = await next(); packet.stat !== undefined; packet = await next()) stats.push(packet.stat);
  const links = new Set<string>();
  const folders = new Set<string>([root]);
  for (const [id, stat] of stats.entries()) {
    const path = join(root, checkedPath(stat.path, links));
    await makeParents(root, stat.path, folders);
    await place(root, path, stat, links);
    if (hasContent(stat)) {
      await call.write(Packet.encode({ type: PACKET.REQUEST, id }));
      await using file = await open(path, "wx", unixMode(stat.mode) & 0o7777);
      for (let packet = await next(); packet.data.length > 0; packet = await next()) {
        if (packet.type !== PACKET.DATA || packet.id !== id)
          throw new GrpcError(CODE.INTERNAL, "unexpected packet");
        const { data } = packet;
        for (let at = 0; at < data.length; )
          at += (await file.write(data, at, data.length - at)).bytesWritten;
      }
      await chmod(path, unixMode(stat.mode) & 0o7777);
      await setTime(path, stat);
    }
  }
  for (const stat of stats.reverse()) {
    if ((unixMode(stat.mode) & S.IFMT) === S.IFDIR) await setTime(join(root, stat.path), stat);
  }
  await call.write(Packet.encode({ type: PACKET.FIN }));
  while ((await next()).type !== PACKET.FIN);
}

async function place(root: string, path: string, stat: Stat, links: Set<string>): Promise<void> {
  const mode = unixMode(stat.mode);
  const before = await lstat(path).catch(() => undefined);
  if ((mode & S.IFMT) === S.IFDIR) {
    if (before !== undefined && !before.isDirectory()) await rm(path);
    await mkdir(path, { recursive: true });
    await chmod(path, mode & 0o7777);
    return;
  }
  if (before !== undefined) await rm(path, { recursive: true });
  if ((mode & S.IFMT) === S.IFLNK) {
    await symlink(stat.linkname, path);
    links.add(stat.path);
  } else if (stat.linkname !== "") await link(join(root, checkedPath(stat.linkname, links)), path);
}

/** Links that were in the folder before make room: nothing is written through them. `folders`: those that were looked at. */
async function makeParents(root: string, path: string, folders: Set<string>): Promise<void> {
  let folder = root;
  for (const part of path.split("/").slice(0, -1)) {
    folder = join(folder, part);
    if (folders.has(folder)) continue;
    const before = await lstat(folder).catch(() => undefined);
    if (before !== undefined && !before.isDirectory()) await rm(folder);
    await mkdir(folder, { recursive: true });
    folders.add(folder);
  }
}

/** @throws GrpcError for a path that leads out of the folder, by itself or through a link that was made before. */
function checkedPath(path: string, links: ReadonlySet<string>): string {
  const parts = path.split("/");
  let above = "";
  for (const part of parts) {
    if (part === "" || part === "." || part === "..")
      throw new GrpcError(CODE.INVALID_ARGUMENT, `invalid path ${path}`);
    if (links.has(above)) throw new GrpcError(CODE.INVALID_ARGUMENT, `${path} is below a link`);
    above = above === "" ? part : `${above}/${part}`;
  }
  return path;
}

async function setTime(path: string, stat: Stat): Promise<void> {
  const seconds = Number(stat.modTime) / 1e9;
  await utimes(path, seconds, seconds).catch(() => {});
}
