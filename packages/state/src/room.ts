import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";

/** Room that the database keeps for itself, in bytes: some hundred containers' worth of changes. */
const ROOM = 1 << 20;
/** The log is written from its beginning again after so many pages, so that it stays within what it has. */
const CHECKPOINT_PAGES = 256;

/**
 * Makes sure that changes succeed on a full disk: removing things is how room is made, and has to be written down.
 * The file gets free pages and the write-ahead log its full length, both with blocks of the disk behind them; SQLite
 * writes into what it has before it asks for more. Quietly does nothing when the disk is full already.
 */
export function keepRoom(db: Database, path: string): void {
  db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  if (freeBytes(db) >= ROOM / 2 && logBytes(path) >= ROOM) return;
  try {
    db.run("PRAGMA synchronous = NORMAL");
    db.run("CREATE TABLE IF NOT EXISTS room (filling BLOB)");
    // Two transactions: pages that are freed by the one that wrote them are never written.
    db.run("INSERT INTO room VALUES (zeroblob(?))", [ROOM + ROOM / 2]);
    db.run("DELETE FROM room");
    db.run("PRAGMA wal_checkpoint(RESTART)");
  } catch {
    // Full. What is deleted while nothing can be written down is found again at the next start.
  } finally {
    db.run("PRAGMA synchronous = FULL");
  }
}

function freeBytes(db: Database): number {
  const [pages] = db.query("PRAGMA freelist_count").values().flat() as number[];
  const [size] = db.query("PRAGMA page_size").values().flat() as number[];
  return pages! * size!;
}

function logBytes(path: string): number {
  try {
    return statSync(`${path}-wal`).size;
  } catch {
    return 0;
  }
}
