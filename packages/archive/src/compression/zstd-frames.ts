/** Where in a frame the next byte is (RFC 8878, 3.1). */
type Part =
  | "magic"
  | "descriptor"
  | "header"
  | "block"
  | "skip-length"
  | "skip"
  | "block-content"
  | "checksum";

/**
 * Follows the frames of a zstd stream without decompressing it, to see whether the stream ends where a frame ends: the
 * decompressor is content with any part of a stream. What is not zstd is left to the decompressor to refuse.
 */
export class ZstdFrames {
  #part: Part = "magic";
  #wanted = 4;
  #value = 0;
  #seen = 0;
  #hasChecksum = false;
  #lastBlock = false;
  #broken = false;

  /** True when nothing is missing. */
  get complete(): boolean {
    return this.#broken || (this.#part === "magic" && this.#seen === 0);
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#broken) {
      const skips =
        this.#part === "skip" ||
        this.#part === "block-content" ||
        this.#part === "header" ||
        this.#part === "checksum";
      if (skips) {
        const count = Math.min(this.#wanted - this.#seen, bytes.length - at);
        this.#seen += count;
        at += count;
      } else {
        // Numbers are little-endian.
        this.#value += (bytes[at++] as number) * 256 ** this.#seen++;
      }
      if (this.#seen === this.#wanted) this.#next();
    }
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#wanted = bytes;
    this.#seen = 0;
    this.#value = 0;
    if (bytes === 0) this.#next();
  }

  #next(): void {
    const value = this.#value;
    switch (this.#part) {
      case "magic":
        if (value === 0xfd2fb528) this.#expect("descriptor", 1);
        else if (value >= 0x184d2a50 && value <= 0x184d2a5f) this.#expect("skip-length", 4);
        else this.#broken = true;
        return;
      case "skip-length":
        this.#expect("skip", value);
        return;
      case "descriptor": {
        const single = (value & 0x20) !== 0;
        this.#hasChecksum = (value & 0x04) !== 0;
        const contentSize = [single ? 1 : 0, 2, 4, 8][value >> 6] as number;
        this.#expect("header", (single ? 0 : 1) + ([0, 1, 2, 4][value & 3] as number) + contentSize);
        return;
      }
      case "header":
        this.#expect("block", 3);
        return;
      case "block": {
        this.#lastBlock = (value & 1) !== 0;
        const isRun = ((value >> 1) & 3) === 1;
        this.#expect("block-content", isRun ? 1 : value >> 3);
        return;
      }
      case "block-content":
        if (!this.#lastBlock) this.#expect("block", 3);
        else this.#expect(this.#hasChecksum ? "checksum" : "magic", 4);
        return;
      default:
        this.#expect("magic", 4);
    }
  }
}
