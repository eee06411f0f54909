import { join } from "node:path";
import { messageOf } from "@berth/base";
import { CLONE, threadCount } from "@berth/linux";
import { warmUpNetwork } from "@berth/network";
import { apart } from "./apart.ts";
import { type Rehearsal, rehearseShim } from "./rehearsal.ts";

type Scene = Pick<Rehearsal, "attached" | "mark">;

/**
 * After two the interpreter has learned what it can; with more, shims come to where it compiles, each for itself. The last is
 * the most common shim, as it is: nobody is attached.
 */
const REHEARSALS: readonly Scene[] = [{ attached: true }, { attached: false }];

/**
 * Runs once in the shim-server what every shim does, so that forked shims share the code that was loaded and the memory that was
 * laid out for it (copy-on-write) instead of each making its own. Leaves nothing behind; without it, shims are larger. No garbage
 * is collected after it: that clears what the interpreter has learned, and each shim would write it, and the free lists of its
 * memory, anew.
 */
export function warmUp(hideUnifiedCgroup: boolean): void {
  rehearse(hideUnifiedCgroup, REHEARSALS);
}

/** The most common shim once more, in a child of the shim-server, for somebody who looks at it: see `Rehearsal.mark`. */
export function rehearseWatched(hideUnifiedCgroup: boolean, mark: () => void): void {
  rehearse(hideUnifiedCgroup, [{ attached: false, mark }]);
}

function rehearse(hideUnifiedCgroup: boolean, scenes: readonly Scene[]): void {
  // Bun that loads sources has threads: they would share the namespaces, and take signals that a shim awaits.
  if (threadCount() > 1) return;
  try {
    apart(CLONE.NEWNS | CLONE.NEWNET, () => {
      const endpoint = warmUpNetwork();
      for (const [at, scene] of scenes.entries()) {
        apart(CLONE.NEWNS, (folder) => {
          // The one before may still be there.
          const own = { ...endpoint, hostInterface: `warm${at}-veth` };
          rehearseShim(join(folder, "shim"), { hideUnifiedCgroup, endpoint: own, ...scene });
        });
      }
    });
  } catch (error) {
    process.stderr.write(`berth shim-server: cannot rehearse: ${messageOf(error)}\n`);
  }
}
