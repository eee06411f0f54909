import { type BerthError, invalidParameter } from "@berth/base";
import { type Event, getScalarValue, parseEvents, YAMLException } from "js-yaml";
import { plainScalar } from "./scalar.ts";

/** A value that `!reset` or `!override` stood before: where. */
export interface MergeTag {
  tag: "!reset" | "!override";
  path: readonly string[];
}

export interface YamlDocument {
  value: unknown;
  tags: MergeTag[];
}

/** A file with more than this is refused: aliases of aliases can stand for any amount. */
const MOST_NODES = 500_000;
const MOST_BYTES = 16 << 20;
const RESET = Symbol("reset");

/**
 * Reads the documents of a file: YAML 1.2, anchors, merge keys, `!reset` and `!override`. Values of aliases are shared, not
 * copied.
 * @throws BerthError with the sentence of Go's YAML library where it has one.
 */
export function parseYaml(source: string): YamlDocument[] {
  if (source.length > MOST_BYTES) throw invalidParameter("yaml: the file is too large");
  let events: Event[];
  try {
    events = parseEvents(source, { maxDepth: 200 });
  } catch (error) {
    throw syntaxError(error);
  }
  return new Composer(source, events).documents();
}

class Composer {
  readonly #source: string;
  readonly #events: Event[];
  #at = 0;
  #anchors = new Map<string, unknown>();
  /** Anchors whose value is being read: an alias to one would be a ring. */
  #open = new Set<string>();
  #tags: MergeTag[] = [];
  #sizes = new WeakMap<object, number>();
  #nodes = 0;

  constructor(source: string, events: Event[]) {
    this.#source = source;
    this.#events = events;
  }

  documents(): YamlDocument[] {
    const made: YamlDocument[] = [];
    while (this.#at < this.#events.length) {
      const event = this.#events[this.#at++]!;
      if (event.type !== 1) continue;
      this.#anchors = new Map();
      this.#tags = [];
      const value = this.#events[this.#at]?.type === 6 ? null : this.#node([]);
      made.push({ value: value === RESET ? null : value, tags: this.#tags });
      while (this.#events[this.#at]?.type !== 6 && this.#at < this.#events.length) this.#at++;
      this.#at++;
    }
    return made;
  }

  #node(path: string[]): unknown {
    const event = this.#events[this.#at++]!;
    if (event.type === 5) return this.#alias(this.#source.slice(event.anchorStart, event.anchorEnd));
    if (event.type !== 2 && event.type !== 3 && event.type !== 4)
      throw invalidParameter("yaml: unexpected end");
    this.#count(1);
    const tag = event.tagStart < 0 ? "" : this.#source.slice(event.tagStart, event.tagEnd);
    const anchor = event.anchorStart < 0 ? "" : this.#source.slice(event.anchorStart, event.anchorEnd);
    if (anchor !== "") this.#open.add(anchor);
    const before = this.#nodes;
    let value: unknown;
    if (event.type === 4) {
      const text = getScalarValue(this.#source, event);
      value = tagged(event.style === 1 ? text : undefined, text, tag);
    } else if (event.type === 2) value = this.#sequence(path);
    else value = this.#mapping(path, event.start);
    if (typeof value === "object" && value !== null) this.#sizes.set(value, this.#nodes - before);
    if (anchor !== "") {
      this.#open.delete(anchor);
      this.#anchors.set(anchor, value);
    }
    if (tag === "!reset" || tag === "!override") {
      this.#tags.push({ tag, path: [...path] });
      if (tag === "!reset") return RESET;
    }
    return value;
  }

  #alias(name: string): unknown {
    if (this.#open.has(name)) throw invalidParameter(`yaml: anchor '${name}' value contains itself`);
    if (!this.#anchors.has(name)) throw invalidParameter(`yaml: unknown anchor '${name}' referenced`);
    const value = this.#anchors.get(name);
    if (typeof value === "object" && value !== null) this.#count(this.#sizes.get(value) ?? 1);
    return value;
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > MOST_NODES) throw invalidParameter("yaml: document contains excessive aliasing");
  }

  #sequence(path: string[]): unknown[] {
    const items: unknown[] = [];
    while (this.#events[this.#at]?.type !== 6) {
      path.push(String(items.length));
      const item = this.#node(path);
      path.pop();
      if (item !== RESET) items.push(item);
    }
    this.#at++;
    return items;
  }

  #mapping(path: string[], start: number): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    const seen = new Map<string, number>();
    const merged: unknown[] = [];
    while (this.#events[this.#at]?.type !== 6) {
      const keyEvent = this.#events[this.#at]!;
      const offset = keyEvent.type === 4 ? keyEvent.valueStart : start;
      const isPlain = keyEvent.type === 4 && keyEvent.style === 1;
      const read = this.#node(path);
      if (typeof read === "object" && read !== null) {
        throw invalidParameter(`yaml: invalid map key: line ${this.#line(offset)}`);
      }
      const key = String(read);
      if (key === "__proto__") throw invalidParameter('yaml: mapping key "__proto__" is not allowed');
      if (key === "<<" && isPlain) {
        merged.push(this.#node(path));
        continue;
      }
      if (seen.has(key)) {
        throw invalidParameter(
          `yaml: unmarshal errors:\n  line ${this.#line(offset)}: mapping key ${JSON.stringify(key)} already defined at line ${this.#line(seen.get(key)!)}`,
        );
      }
      seen.set(key, offset);
      path.push(key);
      const value = this.#node(path);
      path.pop();
      if (value !== RESET) made[key] = value;
    }
    this.#at++;
    for (const each of merged) this.#merge(made, each, seen);
    return made;
  }

  /** `<<`: what the mapping itself says goes first, then the earlier of a list. */
  #merge(made: Record<string, unknown>, from: unknown, own: ReadonlyMap<string, number>): void {
    if (Array.isArray(from)) {
      for (const each of from) {
        if (Array.isArray(each))
          throw invalidParameter("yaml: map merge requires map or sequence of maps as the value");
        this.#merge(made, each, own);
      }
      return;
    }
    if (typeof from !== "object" || from === null) {
      throw invalidParameter("yaml: map merge requires map or sequence of maps as the value");
    }
    for (const [key, value] of Object.entries(from)) {
      this.#count(1);
      if (!own.has(key) && !Object.hasOwn(made, key)) made[key] = value;
    }
  }

  #line(offset: number): number {
    let line = 1;
    for (let at = this.#source.indexOf("\n"); at >= 0 && at < offset; at = this.#source.indexOf("\n", at + 1))
      line++;
    return line;
  }
}

/** A scalar with its explicit tag. */
function tagged(plain: string | undefined, text: string, tag: string): unknown {
  switch (tag) {
    case "":
    case "!reset":
    case "!override":
      return plain === undefined ? text : plainScalar(plain);
    case "!!str":
    case "!":
      return text;
    case "!!binary":
      return Buffer.from(text, "base64").toString();
    default:
      return plainScalar(text);
  }
}

function syntaxError(error: unknown): BerthError {
  if (!(error instanceof YAMLException)) throw error;
  const { reason, mark } = error as { reason?: string; mark?: { line?: number } };
  const line = mark?.line === undefined ? "" : `line ${mark.line + 1}: `;
  return invalidParameter(`yaml: ${line}${reason ?? error.message}`);
}
