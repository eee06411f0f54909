export * from "./address.ts";
export * from "./conntrack.ts";
export * from "./link.ts";
export * from "./message.ts";
export * from "./neighbour.ts";
export * from "./nftables.ts";
export * from "./route.ts";
export * from "./socket.ts";
