import { encodeHeader, padding, type TarEntry, TarReader, type TarSink } from "@berth/archive";

/** The members of a tar with a folder in front of their names, without the end of the archive. */
export async function* prefixed(tar: AsyncIterable<Uint8Array>, prefix: string): AsyncGenerator<Uint8Array> {
  const out: Uint8Array[] = [];
  let filling = 0;
  const finish = () => {
    if (filling > 0) out.push(new Uint8Array(filling));
    filling = 0;
  };
  const sink: TarSink = {
    entry(entry: TarEntry) {
      finish();
      const name = prefix + entry.name.replace(/^(\.?\/)+/, "");
      const { sparse: _, ...plain } = entry;
      const linkName =
        entry.type === "link" ? prefix + entry.linkName.replace(/^(\.?\/)+/, "") : entry.linkName;
      out.push(encodeHeader({ ...plain, name, linkName }));
      filling = padding(entry.type === "file" ? entry.size : 0);
    },
    data(bytes: Uint8Array) {
      out.push(bytes.slice());
    },
    end() {},
  };
  const reader = new TarReader(sink);
  for await (const piece of tar) {
    reader.push(piece);
    yield* out.splice(0);
  }
  reader.finish();
  finish();
  yield* out.splice(0);
}
