import { Duplex } from "node:stream";
import { BytesMessage } from "@berth/api/buildkit";
import type { ServerCall } from "@berth/api/grpc";

/** A stream of `BytesMessage` both ways as the connection that it carries. */
export function callConnection(call: ServerCall): Duplex {
  const messages = call.messages();
  const duplex = new Duplex({
    read() {
      messages.next().then(
        (step) => {
          if (step.done === true) this.push(null);
          else this.push(BytesMessage.decode(step.value).data);
        },
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      call.write(BytesMessage.encode({ data: chunk })).then(() => done(), done);
    },
  });
  duplex.on("error", () => {});
  call.signal.addEventListener("abort", () => duplex.destroy(), { once: true });
  return duplex;
}
