import type { Address } from "./address.ts";
import { dialBunSocket } from "./bun-socket.ts";
import type { Connection, Dial } from "./connection.ts";
import type { SocketTarget, TlsOptions } from "./socket-target.ts";

/** How connections to an address are opened. `display` names it in messages. Nothing is opened before the call. */
export function dialer(address: Address, tls: TlsOptions | undefined, display: string): Dial {
  return async (signal) => {
    signal?.throwIfAborted();
    const opening = open(address, tls, display);
    if (signal === undefined) return opening;
    // An attempt that is not waited for any longer is closed when it succeeds after all.
    return Promise.race([
      opening,
      new Promise<never>((_resolve, reject) => {
        const abort = () => {
          reject(signal.reason);
          opening.then(
            (late) => late.destroy(),
            () => {},
          );
        };
        signal.addEventListener("abort", abort, { once: true });
        const settled = () => signal.removeEventListener("abort", abort);
        opening.then(settled, settled);
      }),
    ]);
  };
}

async function open(address: Address, tls: TlsOptions | undefined, display: string): Promise<Connection> {
  if (address.kind === "ssh") {
    const { dialCommand } = await import("./command-stream.ts");
    return dialCommand("ssh", sshArguments(address), display);
  }
  const target: SocketTarget =
    address.kind === "unix"
      ? { kind: "unix", path: address.path, display }
      : { kind: "tcp", host: address.host, port: address.port, display, ...(tls !== undefined && { tls }) };
  if (typeof Bun !== "undefined") {
    return dialBunSocket(target);
  }
  const { dialNodeSocket } = await import("./node-socket.ts");
  return dialNodeSocket(target);
}

/** Runs `berth system dial-stdio` on the far side, or docker's where only that is installed. */
export function sshArguments(address: Extract<Address, { kind: "ssh" }>): string[] {
  const host = address.path === undefined ? "" : ` --host unix://${shellQuote(address.path)}`;
  const program = "if command -v berth >/dev/null 2>&1; then p=berth; else p=docker; fi";
  const remote = `sh -c ${shellQuote(`${program}; exec $p${host} system dial-stdio`)}`;
  return [
    "-o",
    "ConnectTimeout=30",
    "-T",
    ...(address.user === undefined ? [] : ["-l", address.user]),
    ...(address.port === undefined ? [] : ["-p", String(address.port)]),
    "--",
    address.host,
    remote,
  ];
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
