import type { Output } from "../io/output.ts";

/** Keeps what is written. */
export function memoryOutput(fd: number): Output & { text(): string } {
  const chunks: Uint8Array[] = [];
  return {
    fd,
    async write(data) {
      chunks.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
    },
    text: () => Buffer.concat(chunks).toString(),
  };
}
