import { systemError } from "@berth/base";
import type { Bytes } from "./bytes.ts";

const PROGRAMS = {
  bzip2: { arguments: ["bzip2", "-d", "-c"], package: "bzip2" },
  xz: { arguments: ["xz", "-d", "-c", "-q"], package: "xz-utils" },
} as const;

/**
 * Decompresses with the program for it. The program is started at the first piece that is asked for.
 * @throws system when the program is missing, or refuses the input.
 */
export async function* externalDecompress(kind: "bzip2" | "xz", source: Bytes): AsyncGenerator<Uint8Array> {
  const program = PROGRAMS[kind];
  if (Bun.which(program.arguments[0]) === null) {
    throw systemError(`exec: "${program.arguments[0]}": executable file not found in $PATH`, {
      hint: `The archive is compressed with ${kind}; install the package ${program.package}.`,
    });
  }
  const child = Bun.spawn([...program.arguments], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  let failure: { error: unknown } | undefined;
  const feed = async () => {
    for await (const piece of source) {
      // A promise when the pipe is full, and what it rejects with must be seen here.
      await child.stdin.write(piece);
      await child.stdin.flush();
    }
    await child.stdin.end();
  };
  const feeding = feed().catch((error) => {
    // EPIPE: the program has ended, and its own words are the better ones.
    if ((error as { code?: string }).code !== "EPIPE") failure = { error };
    child.kill();
  });
  const complaint = new Response(child.stderr).text();
  let finished = false;
  try {
    for await (const piece of child.stdout) yield piece;
    finished = true;
  } finally {
    if (!finished) child.kill();
  }
  await feeding;
  if (failure !== undefined) throw failure.error;
  if ((await child.exited) !== 0) {
    throw systemError((await complaint).trim() || `${kind}: the input is damaged`, {
      hint: `The ${kind} stream is damaged.`,
    });
  }
}
