import { Duplex } from "node:stream";
import type { Hijacked } from "../http/hijacked.ts";

/** A connection taken over from HTTP as a stream of Node's, which its HTTP/2 wants. */
export function duplexOf(connection: Hijacked): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      connection.read().then(
        (chunk) => this.push(chunk ?? null),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      connection.write(chunk).then(() => done(), done);
    },
    final(done) {
      connection.closeWrite();
      done();
    },
    destroy(_error, done) {
      connection.destroy();
      done(null);
    },
  });
  duplex.on("error", () => {});
  return duplex;
}
