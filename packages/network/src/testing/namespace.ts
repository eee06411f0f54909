import {
  addAddress,
  addBridge,
  CLONE,
  close,
  getLink,
  type Loop,
  NETLINK_ROUTE,
  NetlinkSocket,
  O,
  open,
  setLink,
  setns,
  unshare,
} from "@berth/linux";
import { addressBytes, parseCidr } from "../address/ip.ts";

/** Runs `inside` in a network namespace of its own, with loopback up: a host that nobody else has. Synchronous code only. */
export function inNewNetwork<T>(inside: () => T): T {
  const before = open("/proc/thread-self/ns/net", O.RDONLY);
  try {
    unshare(CLONE.NEWNET);
    try {
      using socket = NetlinkSocket.open(NETLINK_ROUTE);
      const batch = socket.batch();
      setLink(batch, 1, { up: true });
      socket.run(batch);
      return inside();
    } finally {
      setns(before, CLONE.NEWNET);
    }
  } finally {
    close(before);
  }
}

/** A bridge that is up and has the addresses (`172.17.0.1/16`). */
export function makeBridge(name: string, ...addresses: string[]): void {
  using socket = NetlinkSocket.open(NETLINK_ROUTE);
  const batch = socket.batch();
  addBridge(batch, { name, up: true });
  socket.run(batch);
  const { index } = getLink(socket, name);
  const more = socket.batch();
  for (const text of addresses) {
    const parsed = parseCidr(text);
    if (parsed === undefined) throw new Error(text);
    addAddress(more, { index, address: addressBytes(parsed.address), prefixLength: parsed.subnet.prefix });
  }
  socket.run(more);
}

/** Turns the loop until `done` gives something other than undefined. @throws after `limit` milliseconds. */
export function turnUntil<T>(loop: Loop, done: () => T | undefined, limit = 5000): T {
  const end = performance.now() + limit;
  for (;;) {
    const result = done();
    if (result !== undefined) return result;
    if (performance.now() > end) throw new Error("the condition did not come true");
    loop.turn(5);
  }
}
