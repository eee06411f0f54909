/**
 * A DNS server that answers every question for an A record with one address, and all others with nothing.
 *
 *   fake-resolver.ts LISTEN-ADDRESS ANSWER
 */
const [listen, answer] = process.argv.slice(2) as [string, string];

/** RFC 1035: the question comes back, with one answer that points to its name. */
function reply(query: Buffer): Buffer {
  let end = 12;
  while (query[end] !== 0) end += query[end]! + 1;
  const question = query.subarray(12, end + 5);
  const isA = question.readUInt16BE(question.length - 4) === 1;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isA ? 1 : 0, 6);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split(".").map(Number)]);
  return Buffer.concat([header, question, ...(isA ? [record] : [])]);
}

await Bun.udpSocket({
  hostname: listen,
  port: 53,
  socket: {
    data(socket, query, port, address) {
      socket.send(reply(query), port, address);
    },
  },
});
console.log("ready");

export {};
