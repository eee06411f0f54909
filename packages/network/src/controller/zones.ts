import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatZone, type Zone } from "../dns/zone.ts";

/**
 * The folder of zone files: one for each network, named by its id, and one for each container with links, named by its id.
 * Without syncs: after a reboot no container runs that would read them.
 */
export class ZoneFolder {
  readonly #folder: string;

  constructor(execRoot: string) {
    this.#folder = join(execRoot, "dns");
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 });
  }

  path(id: string): string {
    return join(this.#folder, id);
  }

  write(id: string, zone: Zone): void {
    const temporary = join(this.#folder, `.${id}.tmp`);
    writeFileSync(temporary, formatZone(zone), { mode: 0o644 });
    renameSync(temporary, this.path(id));
  }

  remove(id: string): void {
    rmSync(this.path(id), { force: true });
  }

  /** Removes all files but those of `keep`. */
  removeOthers(keep: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#folder)) {
      if (!keep.has(name)) rmSync(join(this.#folder, name), { force: true });
    }
  }
}
