/** One line a request, in the combined log format or as JSON, written in batches. */
export type AccessLogFormat = "combined" | "json" | "none";

export interface AccessRecord {
  remote: string;
  user: string;
  method: string;
  /** With the query. */
  target: string;
  status: number;
  /** Bytes of the response's body; undefined when unknown. */
  bytes: number | undefined;
  milliseconds: number;
  referer: string;
  agent: string;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FLUSH_MILLISECONDS = 50;
const FLUSH_CHARACTERS = 1 << 16;

const two = (value: number): string => String(value).padStart(2, "0");

function timestamp(now: Date): string {
  const day = `${two(now.getUTCDate())}/${MONTHS[now.getUTCMonth()]}/${now.getUTCFullYear()}`;
  return `${day}:${two(now.getUTCHours())}:${two(now.getUTCMinutes())}:${two(now.getUTCSeconds())} +0000`;
}

/** A client's text cannot break out of its field or its line. */
function quoted(text: string): string {
  return text === "" ? '"-"' : JSON.stringify(text);
}

export function formatRecord(record: AccessRecord, format: "combined" | "json", now: Date): string {
  if (format === "json")
    return JSON.stringify({
      time: now.toISOString(),
      ...record,
      milliseconds: Math.round(record.milliseconds * 1000) / 1000,
    });
  const { remote, user, method, target, status, bytes, referer, agent } = record;
  const name = user === "" ? "-" : user.replace(/[^\x21-\x7e]/g, "_");
  return `${remote} - ${name} [${timestamp(now)}] ${quoted(`${method} ${target} HTTP/1.1`)} ${status} ${bytes ?? "-"} ${quoted(referer)} ${quoted(agent)}`;
}

export class AccessLog {
  format: AccessLogFormat;
  readonly #write: (text: string) => void;
  #waiting = "";
  #timer: Timer | undefined;

  constructor(format: AccessLogFormat, write: (text: string) => void) {
    this.format = format;
    this.#write = write;
  }

  add(record: AccessRecord): void {
    if (this.format === "none") return;
    this.#waiting += `${formatRecord(record, this.format, new Date())}\n`;
    if (this.#waiting.length > FLUSH_CHARACTERS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MILLISECONDS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") this.#write(text);
  }
}
