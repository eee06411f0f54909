import { CHUNK, type LogFile } from "./log-files.ts";

const NEWLINE = 0x0a;

export interface TailPart {
  file: LogFile;
  /** Byte to begin at; always 0 in a compressed file. */
  offset: number;
  /** Where the last whole record ended at the time of the search; absent for a compressed file. */
  end?: number;
  /** Records to leave out after `offset`. */
  skip: number;
}

/** Where the last `count` records begin. `files`: oldest first. `count` absent: everything. */
export async function findTail(files: readonly LogFile[], count: number | undefined): Promise<TailPart[]> {
  if (count === undefined || count < 0) return await Promise.all(files.map(wholeFile));
  const newest = files.at(-1);
  const parts: TailPart[] = [];
  let wanted = count;
  for (let index = files.length - 1; index >= 0 && wanted > 0; index--) {
    const file = files[index]!;
    if (file.compressed) {
      const records = await countRecords(file);
      parts.unshift({ file, offset: 0, skip: Math.max(0, records - wanted) });
      wanted -= Math.min(records, wanted);
    } else {
      const found = await searchBack(file, wanted);
      parts.unshift({ file, offset: found.offset, end: found.end, skip: 0 });
      wanted -= found.records;
    }
  }
  // A follower needs its place at the end of the newest file even when no record is wanted.
  if (count === 0 && newest && !newest.compressed) {
    const end = await endOfRecords(newest);
    parts.push({ file: newest, offset: end, end, skip: 0 });
  }
  return parts;
}

async function wholeFile(file: LogFile): Promise<TailPart> {
  return file.compressed
    ? { file, offset: 0, skip: 0 }
    : { file, offset: 0, end: await endOfRecords(file), skip: 0 };
}

async function countRecords(file: LogFile): Promise<number> {
  let records = 0;
  for await (const chunk of file.chunks()) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) records++;
  }
  return records;
}

async function searchBack(
  file: LogFile,
  wanted: number,
): Promise<{ offset: number; end: number; records: number }> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  const last = await endOfRecords(file);
  let end = last;
  let records = 0;
  // The newline at the very end closes the last record; it begins after the one before.
  let first = true;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK);
    const length = await file.read(buffer.subarray(0, end - start), start);
    if (length < end - start) break;
    for (let at = length - 1; at >= 0; at--) {
      at = buffer.lastIndexOf(NEWLINE, at);
      if (at < 0) break;
      if (first) first = false;
      else if (++records === wanted) return { offset: start + at + 1, end: last, records };
    }
    end = start;
  }
  return { offset: 0, end: last, records: first ? 0 : records + 1 };
}

/** Where the last whole record ends. */
async function endOfRecords(file: LogFile): Promise<number> {
  const buffer = Buffer.allocUnsafe(4096);
  let end = await file.size();
  while (end > 0) {
    const start = Math.max(0, end - buffer.length);
    const length = await file.read(buffer.subarray(0, end - start), start);
    if (length <= 0) return 0;
    const at = buffer.subarray(0, length).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}
