/**
 * What a client offers (`Upgrade`) when it would have all of it with one request: an exec made and started; a container made,
 * attached to, started and waited for. The multiplexed stream then ends with a frame that tells the outcome. Docker's daemon does
 * not know these words and answers as always, so nobody need ask beforehand.
 */
export const EXEC_PROTOCOL = "berth-exec";
export const RUN_PROTOCOL = "berth-run";

/** Beside Docker's 0 to 3. */
const OUTCOME = 4;

/** Docker's multiplexed stream: stream number, three zeros, length in four bytes, data. */
export function frame(stream: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

export function outcomeFrame(outcome: object): Buffer {
  return frame(OUTCOME, Buffer.from(JSON.stringify(outcome)));
}
