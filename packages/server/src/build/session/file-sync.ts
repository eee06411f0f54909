import type { FileSync, FileSyncRequest, FileTransfer, SyncEntry } from "@berth/api/build";
import {
  encodeHeader,
  hasContent,
  METHODS,
  PACKET,
  Packet,
  S,
  type Stat,
  unixMode,
} from "@berth/api/buildkit";
import type { ClientCall } from "@berth/api/grpc";
import { BerthError, notFound, systemError } from "@berth/base";
import type { Session } from "./session.ts";

/** Content that nobody read yet, of all files together; above it nothing more is taken from the connection. */
const QUEUE_LIMIT = 8 << 20;
/** And the same while a reader waits for what comes behind it: no honest client sends so much of what is read later. */
const WAITING_LIMIT = 64 << 20;

/** A folder that a session offers under a name (`context`, `dockerfile`). */
export function sessionFolder(session: Session, name: string): FileSync {
  return {
    key: session.sharedKey === "" ? "" : `${session.sharedKey}:${name}`,
    async open(request, signal) {
      if (!session.supports(METHODS.diffCopy)) throw notFound("no local sources enabled");
      const call = session.calls.stream(METHODS.diffCopy, { metadata: headers(name, request), signal });
      return new Transfer(call, name);
    },
  };
}

function headers(name: string, request: FileSyncRequest): Record<string, string[]> {
  return {
    ...encodeHeader("dir-name", [name]),
    ...(request.include.length > 0 && encodeHeader("include-patterns", request.include)),
    ...(request.exclude.length > 0 && encodeHeader("exclude-patterns", request.exclude)),
    ...(request.follow.length > 0 && encodeHeader("followpaths", request.follow)),
  };
}

interface Reading {
  queue: Uint8Array[];
  ended: boolean;
  /** Set while the reader waits for more. */
  wake?: (() => void) | undefined;
  cancelled: boolean;
}

/**
 * fsutil's protocol, the receiving side: the listing as STAT packets (one without a stat ends it), REQ with the number
 * of an entry asks for its content, DATA packets bring it (an empty one ends it), FIN both ways ends the transfer.
 */
class Transfer implements FileTransfer {
  readonly #call: ClientCall;
  readonly #folder: string;
  readonly #packets: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #numbers = new Map<string, number>();
  readonly #reading = new Map<number, Reading>();
  #queued = 0;
  #pumping = false;
  #failure: unknown;
  #listed = false;

  constructor(call: ClientCall, folder: string) {
    this.#call = call;
    this.#folder = folder;
    this.#packets = call.messages();
  }

  async *entries(): AsyncGenerator<SyncEntry, void, undefined> {
    for (let number = 0; ; number++) {
      const packet = await this.#next();
      if (packet.type !== PACKET.STAT) throw systemError(`file sync: unexpected packet ${packet.type}`);
      if (packet.stat === undefined) break;
      if (hasContent(packet.stat)) this.#numbers.set(packet.stat.path, number);
      yield entryOf(packet.stat);
    }
    this.#listed = true;
  }

  read(path: string): ReadableStream<Uint8Array> {
    const id = this.#numbers.get(path);
    if (id === undefined || !this.#listed) throw systemError(`file sync: ${path} was not listed`);
    if (this.#reading.has(id)) throw systemError(`file sync: ${path} is being read already`);
    const reading: Reading = { queue: [], ended: false, cancelled: false };
    this.#reading.set(id, reading);
    const requested = this.#call.write(Packet.encode({ type: PACKET.REQUEST, id }));
    requested.catch(() => {});
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          await requested;
          while (reading.queue.length === 0 && !reading.ended) {
            if (this.#failure !== undefined) throw this.#failure;
            const { promise, resolve } = Promise.withResolvers<void>();
            reading.wake = resolve;
            void this.#pump();
            await promise;
            reading.wake = undefined;
          }
          const chunk = reading.queue.shift();
          if (chunk === undefined) return controller.close();
          this.#queued -= chunk.length;
          controller.enqueue(chunk);
          if (reading.ended && reading.queue.length === 0) controller.close();
        },
        cancel: () => {
          reading.cancelled = true;
          for (const chunk of reading.queue.splice(0)) this.#queued -= chunk.length;
        },
      },
      { highWaterMark: 0 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#listed && this.#failure === undefined && this.#reading.size === 0) {
        await this.#call.write(Packet.encode({ type: PACKET.FIN }));
        this.#call.end();
        while ((await this.#next()).type !== PACKET.FIN);
      }
    } catch {
      // The other side went away: nothing is open any more.
    } finally {
      this.#call.cancel();
      await this.#packets.return();
    }
  }

  /** Delivers packets while somebody waits, or there is room. One at a time. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#reading.size > 0 && (this.#queued < QUEUE_LIMIT || this.#someoneWaits())) {
        const packet = await this.#next();
        if (packet.type !== PACKET.DATA) throw systemError(`file sync: unexpected packet ${packet.type}`);
        const reading = this.#reading.get(packet.id);
        if (reading === undefined) throw systemError("file sync: content that nobody asked for");
        if (packet.data.length === 0) {
          reading.ended = true;
          this.#reading.delete(packet.id);
        } else if (!reading.cancelled) {
          reading.queue.push(packet.data);
          this.#queued += packet.data.length;
          if (this.#queued > WAITING_LIMIT) throw systemError("file sync: too much content before its turn");
        }
        reading.wake?.();
      }
    } catch (error) {
      this.#failure = error;
      for (const reading of this.#reading.values()) reading.wake?.();
    } finally {
      this.#pumping = false;
    }
  }

  #someoneWaits(): boolean {
    for (const reading of this.#reading.values()) if (reading.wake !== undefined) return true;
    return false;
  }

  /** @throws what the client said went wrong. */
  async #next(): Promise<Packet> {
    let step: IteratorResult<Uint8Array, void>;
    try {
      step = await this.#packets.next();
    } catch (error) {
      throw error instanceof BerthError
        ? error
        : this.#failed(error instanceof Error ? error.message : String(error));
    }
    if (step.done === true) throw this.#failed("unexpected EOF");
    const packet = Packet.decode(step.value);
    if (packet.type === PACKET.ERROR) throw this.#failed(new TextDecoder().decode(packet.data));
    return packet;
  }

  #failed(message: string): BerthError {
    return systemError(`failed to load ${this.#folder}: ${message}`);
  }
}

function entryOf(stat: Stat): SyncEntry {
  const mode = unixMode(stat.mode);
  const isLink = (mode & S.IFMT) === S.IFLNK || stat.linkname !== "";
  return {
    path: stat.path,
    mode,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtime: stat.modTime,
    ...(isLink && { linkTarget: stat.linkname }),
    ...(Object.keys(stat.xattrs).length > 0 && { xattrs: stat.xattrs }),
  };
}
