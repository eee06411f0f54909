import type {
  BuildRequest,
  BuildResult,
  PlannedText,
  ProgressEvent,
  SourceExcerpt,
  Vertex,
} from "@berth/api/build";
import { invalidParameter, messageOf, notFound, sha256, systemError } from "@berth/base";

import { ConfigSteps } from "./config-steps.ts";

/** Written around what a step writes to stderr. */
const RED = "\x1b[91m";
const PLAIN = "\x1b[0m";
const SHORT = 12;

export interface ClassicMessage {
  stream?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
  id?: string;
  aux?: unknown;
  error?: string;
  errorDetail?: { code?: number; message: string };
}

interface Step {
  text: string;
  line: number;
  /** Absent: the instruction only changes the configuration, and is executed by nobody. */
  vertex?: Vertex;
  /** An ARG before the first stage: it leads to no image. */
  isGlobal?: boolean;
  begun: boolean;
  /** Output that came while an earlier step was still shown. */
  held: ClassicMessage[];
}

/**
 * Events of a build, in which steps run side by side, as the messages of Docker's classic builder, in which they follow
 * one another: the first step that has not ended is shown live, what later ones say is kept until it is their turn.
 */
export class ClassicMessages {
  readonly #send: (message: ClassicMessage) => void;
  readonly #removes: boolean;
  readonly #config: ConfigSteps;
  readonly #steps: Step[] = [];
  readonly #byDigest = new Map<string, Step>();
  readonly #decoders = new Map<string, TextDecoder>();
  /** Ids of what stages came to, by their names. */
  readonly #stages = new Map<string, string>();
  #at = 0;
  /** Something is executed: every step that has a vertex is known. */
  #executing = false;
  #planned = false;
  #lastId = "";
  /** The last step that was executed came from the cache. */
  #fromCache = false;
  #stage = "";

  /** `removes`: what steps ran in goes (`rm`), and it is said. */
  constructor(
    send: (message: ClassicMessage) => void,
    { removes = true, config = new ConfigSteps() }: { removes?: boolean; config?: ConfigSteps } = {},
  ) {
    this.#send = send;
    this.#removes = removes;
    this.#config = config;
  }

  /** All instructions that there will be, before any event. */
  plan(instructions: readonly PlannedText[]): void {
    this.#planned = instructions.length > 0;
    let isGlobal = true;
    for (const { text, line } of instructions) {
      isGlobal &&= !isFrom(text);
      this.#steps.push({ text, line, isGlobal, begun: false, held: [] });
    }
  }

  event(event: ProgressEvent): void {
    if (event.type === "vertex") this.#vertex(event.vertex);
    else if (event.type === "log") {
      const step = this.#byDigest.get(event.log.vertex);
      if (step === undefined) return;
      const text = this.#decode(event.log.vertex, event.log.stream, event.log.data);
      if (text === "") return;
      this.#say(step, { stream: event.log.stream === 2 ? `${RED}${text}${PLAIN}` : text });
    } else if (event.type === "warning") this.#send({ stream: `[Warning] ${event.warning.short}\n` });
  }

  /** The last lines. `unconsumed`: names of build arguments. */
  finish(result: BuildResult, tags: readonly string[], unconsumed: readonly string[] = []): void {
    this.#executing = true;
    this.#advance(true, result.imageId);
    if (result.imageId === undefined) return;
    this.#send({ aux: { ID: result.imageId } });
    if (unconsumed.length > 0) {
      const names = unconsumed.join(" ");
      this.#send({ stream: `[Warning] One or more build-args [${names}] were not consumed\n` });
    }
    this.#send({ stream: `Successfully built ${short(result.imageId)}\n` });
    for (const tag of tags) this.#send({ stream: `Successfully tagged ${tag}\n` });
  }

  fail(error: unknown): void {
    this.#advance(true);
    this.#send(failure(error));
  }

  #vertex(vertex: Vertex): void {
    if (vertex.step === undefined) return;
    const known = this.#byDigest.get(vertex.digest);
    if (known !== undefined) known.vertex = vertex;
    else this.#byDigest.set(vertex.digest, this.#place(vertex, vertex.step));
    if (isBegun(vertex)) this.#executing = true;
    this.#advance(false);
  }

  /** The step that a new vertex is. */
  #place(vertex: Vertex, { text, source }: NonNullable<Vertex["step"]>): Step {
    const { startLine: line } = source;
    const planned = this.#steps.find((step) => step.line === line && step.vertex === undefined);
    if (planned !== undefined) {
      planned.vertex = vertex;
      return planned;
    }
    const step: Step = { text, line, vertex, begun: false, held: [] };
    // In the Dockerfile's order, but never before what was shown already.
    let place = this.#steps.length;
    while (place > this.#at && (this.#steps[place - 1] as Step).line > line) place--;
    if (place === this.#at && this.#steps[place]?.begun) place++;
    this.#steps.splice(place, 0, step);
    return step;
  }

  #say(step: Step, message: ClassicMessage): void {
    if (this.#steps[this.#at] === step && step.begun) this.#send(message);
    else step.held.push(message);
  }

  /** Shows what may be shown now. `end`: no more events will come, so that whatever began is shown. */
  #advance(end: boolean, imageId?: string): void {
    for (let step = this.#steps[this.#at]; step !== undefined; step = this.#steps[this.#at]) {
      const { vertex } = step;
      const isLast = this.#planned && this.#at === this.#steps.length - 1;
      if (vertex === undefined) {
        // The last one's id is the image's.
        if (!this.#executing || (isLast && imageId === undefined)) return;
        // It is from the cache when it was there before, or the step of its stage that follows is.
        const isMade = this.#config.isMade(step.text);
        const next = isMade ? undefined : this.#nextExecuted();
        if (next !== undefined && !isBegun(next) && !end) return;
        if (next !== undefined) this.#fromCache = next.cached;
        else if (isMade || !this.#config.isForgetful) this.#fromCache = isMade;
        this.#begin(step);
        this.#complete(step, isLast ? imageId : undefined);
        this.#at++;
        continue;
      }
      if (!isBegun(vertex)) {
        if (!end || this.#planned) return;
        this.#at++;
        continue;
      }
      if (!step.begun) this.#begin(step);
      for (const message of step.held.splice(0)) this.#send(message);
      if (vertex.completed === undefined && !end) return;
      if (vertex.error !== undefined) return;
      if (isLast && imageId === undefined) return;
      if (vertex.completed !== undefined) this.#complete(step, isLast ? imageId : undefined);
      this.#at++;
    }
  }

  /** The step of the same stage behind the one that is shown, if one is executed. */
  #nextExecuted(): Vertex | undefined {
    for (const { vertex, text } of this.#steps.slice(this.#at + 1)) {
      if (isFrom(text)) return undefined;
      if (vertex !== undefined) return vertex;
    }
    return undefined;
  }

  #begin(step: Step): void {
    step.begun = true;
    const { vertex, text } = step;
    this.#send({ stream: `Step ${this.#at + 1}/${this.#steps.length} : ${text}` });
    this.#send({ stream: "\n" });
    if (isFrom(text) || step.isGlobal) return;
    if (vertex?.cached || (vertex === undefined && this.#fromCache))
      this.#send({ stream: " ---> Using cache\n" });
    else if (this.#runs(step)) this.#send({ stream: ` ---> Running in ${this.#containerOf(step)}\n` });
  }

  #complete(step: Step, imageId: string | undefined): void {
    if (step.isGlobal) {
      this.#config.global(step.text);
      return;
    }
    const { vertex, text } = step;
    const from = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(text);
    if (from !== null) this.#stage = from[2]?.toLowerCase() ?? "";
    const isExecuted = vertex === undefined ? !this.#fromCache : !vertex.cached;
    if (this.#removes && from === null && isExecuted && this.#runs(step))
      this.#send({ stream: `Removing intermediate container ${this.#containerOf(step)}\n` });
    const earlier = from === null ? undefined : this.#stages.get(from[1]?.toLowerCase() ?? "");
    const isEmpty = from?.[1]?.toLowerCase() === "scratch";
    const own = isEmpty
      ? ""
      : (vertex?.result ?? vertex?.digest ?? earlier ?? sha256(`${this.#lastId}\n${text}`));
    this.#lastId = imageId ?? own;
    if (from !== null) this.#config.from(from[1]?.toLowerCase() ?? "", this.#stage, own);
    else if (vertex !== undefined) this.#config.executed(text, own);
    else this.#config.make(text);
    if (from !== null) this.#fromCache = false;
    else if (vertex !== undefined) this.#fromCache = vertex.cached;
    if (this.#stage !== "") this.#stages.set(this.#stage, this.#lastId);
    this.#send({ stream: ` ---> ${short(this.#lastId)}\n` });
  }

  /** Whether Docker runs a container for it: all but FROM, COPY and ADD. */
  #runs({ text, vertex }: Step): boolean {
    return vertex === undefined ? !isFrom(text) : /^RUN\b/i.test(text);
  }

  #containerOf({ text, vertex, line }: Step): string {
    return short(vertex?.digest ?? sha256(`container ${line} ${text}`));
  }

  #decode(vertex: string, stream: number, data: Uint8Array): string {
    const key = `${vertex} ${stream}`;
    const decoder = this.#decoders.get(key) ?? new TextDecoder();
    this.#decoders.set(key, decoder);
    return decoder.decode(data, { stream: true });
  }
}

/** The last message of a build that failed. */
export function failure(error: unknown): ClassicMessage {
  const text = messageOf(error);
  const process = /process "(.*)" did not complete successfully: exit code: (\d+)/s.exec(text);
  if (process === null) return { errorDetail: { message: text }, error: text };
  const message = `The command '${process[1]}' returned a non-zero code: ${process[2]}`;
  return { errorDetail: { code: Number(process[2]), message }, error: message };
}

/** Docker tells a tag with its `:latest`. */
export function familiarTag(tag: string): string {
  return /[:@]/.test(tag.slice(tag.lastIndexOf("/") + 1)) ? tag : `${tag}:latest`;
}

/** A failure in the classic builder's words, where they are not BuildKit's: scripts look for them. */
export function classicFailure(error: unknown, { target = "" }: BuildRequest): unknown {
  const text = messageOf(error);
  const [, missing] = /^failed to read dockerfile: open (.*): no such file or directory$/s.exec(text) ?? [];
  if (missing !== undefined) return systemError(`Cannot locate specified Dockerfile: ${missing}`);
  if (text === "the Dockerfile cannot be empty")
    return invalidParameter("the Dockerfile (Dockerfile) cannot be empty");
  if (text.startsWith(`target stage ${JSON.stringify(target)} could not be found`))
    return invalidParameter(`failed to reach build target ${target} in Dockerfile`);
  const [, file] = /failed to calculate checksum of ref: "\/?(.*)": not found$/s.exec(text) ?? [];
  const [, keyword] =
    /^\s*(ADD|COPY)\b/i.exec((error as { source?: SourceExcerpt }).source?.text ?? "") ?? [];
  if (file === undefined || keyword === undefined) return error;
  return notFound(
    `${keyword.toUpperCase()} failed: file not found in build context or excluded by .dockerignore: stat ${file}: file does not exist`,
  );
}

function isBegun({ started, completed, cached }: Vertex): boolean {
  return started !== undefined || completed !== undefined || cached;
}

function isFrom(text: string): boolean {
  return /^FROM\b/i.test(text);
}

export function short(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, SHORT);
}
