import type { NativeFailure, SourceExcerpt } from "@berth/api/build";
import type { Steps } from "./progress/steps.ts";
import { seconds } from "./progress/text.ts";

/** Lines of a failed step's output that are shown again. */
const OUTPUT_LINES = 20;
/** Lines of the Dockerfile around those that failed. */
const AROUND = 3;
const RULE = "--------------------";

/** What is told below the progress: the failed step's last output, and the lines of the Dockerfile. */
export function failureReport(failure: NativeFailure, steps: Steps, dockerfile: string | undefined): string {
  const failed = steps.all.findLast(
    ({ vertex }) => vertex.error !== undefined && !/cancel/i.test(vertex.error),
  );
  let text = "";
  if (failed !== undefined) {
    text += `------\n > ${failed.vertex.name}:\n`;
    for (const { text: line, timestamp } of failed.log.slice(-OUTPUT_LINES)) {
      const at = seconds(failed.vertex.started ?? timestamp, timestamp).toFixed(3);
      text += `${at} ${line}\n`;
    }
    text += "------\n";
  }
  if (failure.source !== undefined) text += excerpt(failure.source, dockerfile);
  return text;
}

/** The lines with `>>>` beside those that are meant. `file`: the whole text, for the lines around them. */
export function excerpt(source: SourceExcerpt, file: string | undefined): string {
  const { startLine, endLine } = source;
  const given = (file ?? source.text).replace(/\n$/, "").split("\n");
  const first = file === undefined ? startLine : 1;
  const from = Math.max(first, startLine - AROUND);
  const to = Math.min(first + given.length - 1, endLine + AROUND);
  let text = `${source.file}:${startLine}\n${RULE}\n`;
  for (let line = from; line <= to; line++) {
    const mark = line >= startLine && line <= endLine ? ">>>" : "   ";
    text += ` ${String(line).padStart(3)} | ${mark} ${given[line - first] ?? ""}\n`;
  }
  return `${text}${RULE}\n`;
}
