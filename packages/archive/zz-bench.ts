import { O, open, read } from "@berth/linux";
import { Applier } from "/work/main/packages/archive/src/apply/applier.ts";
import { TarReader } from "/work/main/packages/archive/src/tar/index.ts";

const t0 = performance.now();
const [tar, dir] = process.argv.slice(2) as [string, string];
const root = open(dir, O.RDONLY | O.DIRECTORY);
const a = new Applier(root, { whiteouts: "overlay" });
const r = new TarReader(a);
const buf = new Uint8Array(1 << 20);
const h = process.env.HASH ? new Bun.CryptoHasher("sha256") : undefined;
const fd = open(tar, O.RDONLY);
for (;;) {
  const n = read(fd, buf);
  if (n === 0) break;
  const s = buf.subarray(0, n);
  h?.update(s);
  r.push(s);
}
r.finish();
console.log(a.finish(), h?.digest("hex"), performance.now() - t0);
