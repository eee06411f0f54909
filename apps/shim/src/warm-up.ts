import { libc } from "@berth/linux";
import { JsonLogEncoder } from "@berth/logging";

/**
 * Runs what every shim runs at its start once in the shim-server, so that forked shims share the loaded code
 * instead of each loading it into private memory.
 */
export function warmUp(): void {
  libc().getpid();
  const encoder = new JsonLogEncoder("stdout", () => {});
  const line = new TextEncoder().encode("warm up\n");
  for (let i = 0; i < 100; i++) encoder.write(line, line.length, "2026-01-01T00:00:00Z");
  JSON.parse(JSON.stringify({ spec: { process: { args: ["true"] } } }));
  Bun.gc(true);
}
