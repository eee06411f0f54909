import type { BuildRequest, BuildResult, ProgressEvent, SourceExcerpt, Vertex } from "@berth/api/build";
import { invalidParameter, messageOf, notFound, systemError } from "@berth/base";

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
  vertex: Vertex;
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
  readonly #steps: Step[] = [];
  readonly #byDigest = new Map<string, Step>();
  readonly #decoders = new Map<string, TextDecoder>();
  #at = 0;

  /** `removes`: what steps ran in goes (`rm`), and it is said. */
  constructor(send: (message: ClassicMessage) => void, { removes = true } = {}) {
    this.#send = send;
    this.#removes = removes;
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

  /** The last lines. */
  finish(result: BuildResult, tags: readonly string[]): void {
    this.#advance(true);
    if (result.imageId === undefined) return;
    this.#send({ aux: { ID: result.imageId } });
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
    else {
      const step: Step = { vertex, begun: false, held: [] };
      this.#byDigest.set(vertex.digest, step);
      // In the Dockerfile's order, but never before what was shown already.
      let place = this.#steps.length;
      while (place > this.#at && lineOf(this.#steps[place - 1] as Step) > lineOf(step)) place--;
      if (place === this.#at && this.#steps[place]?.begun) place++;
      this.#steps.splice(place, 0, step);
    }
    this.#advance(false);
  }

  #say(step: Step, message: ClassicMessage): void {
    if (this.#steps[this.#at] === step && step.begun) this.#send(message);
    else step.held.push(message);
  }

  /** Shows what may be shown now. `end`: no more events will come, so that whatever began is shown. */
  #advance(end: boolean): void {
    for (let step = this.#steps[this.#at]; step !== undefined; step = this.#steps[this.#at]) {
      const { vertex } = step;
      if (vertex.started === undefined && vertex.completed === undefined && !vertex.cached) {
        if (!end) return;
        this.#at++;
        continue;
      }
      if (!step.begun) this.#begin(step);
      for (const message of step.held.splice(0)) this.#send(message);
      if (vertex.completed === undefined && !end) return;
      if (vertex.completed !== undefined && vertex.error === undefined) this.#complete(step);
      this.#at++;
    }
  }

  #begin(step: Step): void {
    step.begun = true;
    const { vertex } = step;
    this.#send({
      stream: `Step ${this.#at + 1}/${this.#steps.length} : ${vertex.step?.text ?? vertex.name}`,
    });
    this.#send({ stream: "\n" });
    if (/^FROM\b/i.test(vertex.step?.text ?? "")) return;
    if (vertex.cached) this.#send({ stream: " ---> Using cache\n" });
    else if (/^RUN\b/i.test(vertex.step?.text ?? "")) {
      this.#send({ stream: ` ---> Running in ${short(vertex.digest)}\n` });
    }
  }

  #complete({ vertex }: Step): void {
    if (this.#removes && !vertex.cached && /^RUN\b/i.test(vertex.step?.text ?? "")) {
      this.#send({ stream: `Removing intermediate container ${short(vertex.digest)}\n` });
    }
    this.#send({ stream: ` ---> ${short(vertex.result ?? vertex.digest)}\n` });
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

function lineOf(step: Step): number {
  return step.vertex.step?.source.startLine ?? 0;
}

export function short(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, SHORT);
}
