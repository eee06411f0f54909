import type { ProgressEvent } from "@berth/api/build";
import type { Context } from "../../context.ts";
import { CommandError } from "../../errors.ts";
import { Steps } from "./steps.ts";

/** Shows a build's progress on stderr. */
export interface ProgressView {
  readonly steps: Steps;
  /** Only for programs: nothing else is written beside. */
  readonly raw: boolean;
  event(event: ProgressEvent): void;
  /** Resolves when all is written. */
  finish(): Promise<void>;
}

const MODES = ["auto", "plain", "tty", "quiet", "rawjson"] as const;

/** `--progress`, or what the environment says in its place. */
export function buildProgress(context: Context, flag: string): string {
  return flag === "auto" ? context.environment.BUILDKIT_PROGRESS || flag : flag;
}

/** @throws CommandError for a mode that is none. */
export async function progressView(context: Context, mode: string): Promise<ProgressView> {
  if (!(MODES as readonly string[]).includes(mode)) throw new CommandError(`invalid progress mode ${mode}`);
  const steps = new Steps();
  let writing: Promise<unknown> = Promise.resolve();
  const write = (text: string) => {
    writing = context.stderr.write(text);
    writing.catch(() => {});
  };
  const finished = async () => void (await writing);
  if (mode === "quiet")
    return { steps, raw: false, event: (event) => void steps.take(event), finish: finished };
  if (mode === "rawjson") {
    const { rawJsonLine } = await import("./raw-json.ts");
    return {
      steps,
      raw: true,
      event(event) {
        steps.take(event);
        write(rawJsonLine(event));
      },
      finish: finished,
    };
  }
  const isTerminal = mode !== "plain" && (await context.isTerminal(2));
  if (mode === "tty" && !isTerminal)
    throw new CommandError("failed to get console: provided file is not a console");
  if (isTerminal) {
    const [{ TerminalProgress }, { terminal }] = await Promise.all([
      import("./terminal.ts"),
      import("../../io/terminal.ts"),
    ]);
    const { NO_COLOR } = context.environment;
    const size = () => {
      const found = terminal.size(2);
      return found !== undefined && found.columns > 0 ? found : { rows: 24, columns: 80 };
    };
    const view = new TerminalProgress(write, { size, color: !NO_COLOR }, steps);
    return {
      steps,
      raw: false,
      event: (event) => view.event(event),
      finish() {
        view.finish();
        return finished();
      },
    };
  }
  const { PlainProgress } = await import("./plain.ts");
  const view = new PlainProgress(write, steps);
  return {
    steps,
    raw: false,
    event: (event) => view.event(event),
    finish() {
      view.finish();
      return finished();
    },
  };
}
