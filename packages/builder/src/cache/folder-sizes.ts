import { runJob } from "@berth/archive";
import { isKind } from "@berth/base";

/** Sizes of folders that the builder keeps. Measuring walks all of a folder, so it is done again only when it was used since. */
export class FolderSizes {
  readonly #known = new Map<string, { stamp: string; size: number }>();

  /** Bytes; undefined when the folder is not there any more. `stamp`: changes with each use; empty: it is in use now. */
  async of(folder: string, stamp: string): Promise<number | undefined> {
    const known = this.#known.get(folder);
    if (known !== undefined && stamp !== "" && known.stamp === stamp) return known.size;
    try {
      const { apparent } = await runJob({ job: "disk-usage", folder });
      this.#known.set(folder, { stamp, size: apparent });
      return apparent;
    } catch (error) {
      this.#known.delete(folder);
      if (isKind(error, "not-found")) return undefined;
      throw error;
    }
  }
}
