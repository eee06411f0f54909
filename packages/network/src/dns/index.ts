export * from "./server.ts";
export { formatZone, type Zone, type ZoneHost } from "./zone.ts";
