/** A new random 64-digit hexadecimal id, as Docker gives to containers, networks and execs. */
export function newId(): string {
  for (;;) {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
    // A short id made only of digits could be taken for a number (Docker avoids it likewise).
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** The 12-digit form that people see. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
