import { join } from "node:path";
import { messageOf } from "@berth/base";
import { CLONE, threadCount } from "@berth/linux";
import { warmUpNetwork } from "@berth/network";
import { apart } from "./apart.ts";
import { rehearseShim } from "./rehearsal.ts";

/**
 * After two the interpreter has learned what it can; with more, shims come to where it compiles, each for itself. The last is the
 * most common shim: nobody is attached.
 */
const REHEARSALS = [{ attached: true }, { attached: false }] as const;

/**
 * Runs once in the shim-server what every shim does, so that forked shims share the code that was loaded and the memory that was
 * laid out for it (copy-on-write) instead of each making its own. Leaves nothing behind; without it, shims are larger. No garbage
 * is collected after it: that clears what the interpreter has learned, and each shim would write it, and the free lists of its
 * memory, anew.
 */
export function warmUp(hideUnifiedCgroup: boolean): void {
  // Bun that loads sources has threads: they would share the namespaces, and take signals that a shim awaits.
  if (threadCount() > 1) return;
  try {
    apart(CLONE.NEWNS | CLONE.NEWNET, () => {
      const endpoint = warmUpNetwork();
      for (const [at, { attached }] of REHEARSALS.entries()) {
        apart(CLONE.NEWNS, (folder) => {
          // The one before may still be there.
          const own = { ...endpoint, hostInterface: `warm${at}-veth` };
          rehearseShim(join(folder, "shim"), { hideUnifiedCgroup, endpoint: own, attached });
        });
      }
    });
  } catch (error) {
    process.stderr.write(`berth shim-server: cannot rehearse: ${messageOf(error)}\n`);
  }
}
