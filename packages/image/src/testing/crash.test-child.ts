/** Loads, tags, commits and removes for ever, with a line for each step, until it is killed. Argument: the data root. */
import { dockerArchive, layer } from "./images.test-helper.ts";
import { never, streamOf, TestStore } from "./store.test-helper.ts";

const layers = Array.from({ length: 3 }, (_, n) => layer(`file${n}`, `${n}`.repeat(50_000)));
const images = [1, 2, 3].map((count) => dockerArchive(layers.slice(0, count), [`image:${count}`]));

const store = await TestStore.open({ dataRoot: process.argv[2]! });
await store.images.collect();
process.stdout.write("open\n");
for (let round = 0; ; round++) {
  await Promise.all(
    images.map(async (image) => {
      for await (const _ of store.images.load(streamOf(image.tar, 1000), { quiet: false }, never())) {
        process.stdout.write("load\n");
      }
    }),
  );
  await store.images.tag("image:1", "other", `${round}`);
  process.stdout.write("tag\n");
  for (const image of images) {
    await store.images.remove(image.id, { force: true, prune: true });
    process.stdout.write("remove\n");
  }
}
