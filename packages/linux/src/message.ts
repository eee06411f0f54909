import { Errno, failure } from "./errno.ts";
import { closeQuietly, WOULD_BLOCK } from "./io.ts";
import { addressOf, errno, libc, Memory } from "./libc.ts";
import { MSG, SOL } from "./socket.ts";

/*
 * Messages over unix sockets with descriptors beside the bytes (SCM_RIGHTS, unix(7)).
 * struct msghdr: name, name length, iov, iov count, control, control length, flags = 56 bytes;
 * struct iovec at 56; struct cmsghdr (length, level, type; data at 16) at 72.
 */
const SCM_RIGHTS = 1;
const IOV = 56;
const CONTROL = 72;
/** As many descriptors as the kernel passes in one message (SCM_MAX_FD). */
export const MAX_DESCRIPTORS = 253;
const CONTROL_SIZE = 16 + MAX_DESCRIPTORS * 4 + 4;

let memory: Memory | undefined;

function header(data: Uint8Array, offset: number, length: number, controlLength: number): Memory {
  memory ??= new Memory(CONTROL + CONTROL_SIZE);
  memory.bytes.fill(0, 0, CONTROL);
  memory.setU64(16, memory.at(IOV));
  memory.setU64(24, 1);
  if (controlLength > 0) memory.setU64(32, memory.at(CONTROL));
  memory.setU64(40, controlLength);
  memory.setU64(IOV, addressOf(data, offset, length) ?? 0);
  memory.setU64(IOV + 8, length);
  return memory;
}

/**
 * Sends bytes and descriptors together; how many bytes went (the descriptors go with the first of them), or -1 when it
 * would block. The sender keeps its descriptors. @throws SyscallError
 */
export function sendmsg(
  fd: number,
  data: Uint8Array,
  descriptors: readonly number[] = [],
  flags = 0,
  offset = 0,
  length: number = data.byteLength - offset,
): number {
  if (descriptors.length > MAX_DESCRIPTORS)
    throw new RangeError(`${descriptors.length} descriptors in one message`);
  const space = descriptors.length === 0 ? 0 : (16 + descriptors.length * 4 + 7) & ~7;
  const message = header(data, offset, length, space);
  if (space > 0) {
    message.setU64(CONTROL, 16 + descriptors.length * 4);
    message.setI32(CONTROL + 8, SOL.SOCKET);
    message.setI32(CONTROL + 12, SCM_RIGHTS);
    descriptors.forEach((descriptor, index) => {
      message.setI32(CONTROL + 16 + index * 4, descriptor);
    });
  }
  for (;;) {
    const count = libc().sendmsg(fd, message.address, flags | MSG.NOSIGNAL);
    if (count >= 0) return count;
    const code = errno();
    if (code === Errno.EAGAIN) return WOULD_BLOCK;
    if (code !== Errno.EINTR) throw failure("sendmsg");
  }
}

/** `truncated`: descriptors were lost, because there were more than asked for or this process may have no more. */
export interface ReceivedMessage {
  count: number;
  descriptors: number[];
  truncated: boolean;
}

/**
 * Receives bytes and the descriptors that came with them (close-on-exec, owned by the caller); undefined when it would
 * block. Descriptors beyond `maximum` are closed. @throws SyscallError
 */
export function recvmsg(
  fd: number,
  buffer: Uint8Array,
  maximum: number = MAX_DESCRIPTORS,
  offset = 0,
  length: number = buffer.byteLength - offset,
  flags = 0,
): ReceivedMessage | undefined {
  for (;;) {
    const message = header(buffer, offset, length, CONTROL_SIZE);
    const count = libc().recvmsg(fd, message.address, flags | MSG.CMSG_CLOEXEC);
    if (count >= 0) return received(message, count, maximum);
    const code = errno();
    if (code === Errno.EAGAIN) return undefined;
    if (code !== Errno.EINTR) throw failure("recvmsg");
  }
}

function received(message: Memory, count: number, maximum: number): ReceivedMessage {
  const result: ReceivedMessage = {
    count,
    descriptors: [],
    truncated: (message.getI32(48) & MSG.CTRUNC) !== 0,
  };
  const end = CONTROL + Math.min(message.getU64(40), CONTROL_SIZE);
  for (let at = CONTROL; at + 16 <= end; ) {
    const length = message.getU64(at);
    if (length < 16 || at + length > end) break;
    if (message.getI32(at + 8) === SOL.SOCKET && message.getI32(at + 12) === SCM_RIGHTS) {
      for (let data = at + 16; data + 4 <= at + length; data += 4) {
        const descriptor = message.getI32(data);
        if (result.descriptors.length < maximum) result.descriptors.push(descriptor);
        else {
          closeQuietly(descriptor);
          result.truncated = true;
        }
      }
    }
    at += (length + 7) & ~7;
  }
  return result;
}
