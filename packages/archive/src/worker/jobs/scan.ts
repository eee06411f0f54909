import { closeQuietly, O, open, writeAll } from "@berth/linux";
import { DiskLookup, scanTree, TreeHasher } from "../../tree/scan.ts";
import { selectPaths } from "../../tree/select.ts";
import type { ScanJob, ScanLine, ScanResult } from "../protocol.ts";
import { enterView } from "../view.ts";

const STDOUT = 1;
const FLUSH = 256 * 1024;

/** Writes what the patterns stand for as lines of JSON (`ScanLine`), each match with all that is below it. */
export function runScan(job: ScanJob): ScanResult {
  enterView(job.view);
  const root = open("/", O.RDONLY | O.DIRECTORY);
  using lookup = new DiskLookup(root);
  using hasher = new TreeHasher(root);
  let text = "";
  let entries = 0;
  const say = (line: ScanLine) => {
    text += `${JSON.stringify(line)}\n`;
    if (text.length < FLUSH) return;
    writeAll(STDOUT, Buffer.from(text));
    text = "";
  };
  for (const [pattern, source] of job.patterns.entries()) {
    for (const match of selectPaths(lookup, source)) {
      say({ pattern, match });
      for (const entry of scanTree(root, match.real)) {
        entries++;
        say({ entry: job.digests ? { ...entry, digest: hasher.digest(entry) } : entry });
      }
    }
  }
  writeAll(STDOUT, Buffer.from(text));
  closeQuietly(root);
  return { entries };
}
