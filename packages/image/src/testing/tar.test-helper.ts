import { END_OF_ARCHIVE, encodeHeader, padding, type WritableEntry } from "@berth/archive";

type Member = Partial<WritableEntry> & { name: string; content?: string | Uint8Array };

/** A tar of small members: files unless they say otherwise. */
export function tarOf(...members: Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { content = "", ...member } of members) {
    const bytes = Buffer.from(content as string);
    const type = member.type ?? "file";
    const size = type === "file" ? bytes.length : 0;
    parts.push(
      encodeHeader({
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: { seconds: 1, nanoseconds: 0 },
        type,
        size,
        ...member,
      }),
    );
    if (size > 0) parts.push(bytes, new Uint8Array(padding(size)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** Names of the members of a tar, and the contents of its files. */
export function untar(tar: Uint8Array): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const text = (from: number, length: number) =>
      Buffer.from(tar.subarray(at + from, at + from + length))
        .toString()
        .replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12).trim() || "0", 8);
    files.set(text(0, 100), Buffer.from(tar.subarray(at + 512, at + 512 + size)));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
