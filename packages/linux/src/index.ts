export * from "./binfmt.ts";
export * from "./cgroup/index.ts";
export * from "./constants.ts";
export { Errand, ErrandError, ForkedChild, type Order, type TakeOrder } from "./errand.ts";
export * from "./errand-server.ts";
export { checked, Errno, errnoName, errnoText, failure, isErrno, SyscallError } from "./errno.ts";
export * from "./fork.ts";
export * from "./fs.ts";
export * from "./inet.ts";
export * from "./io.ts";
export { addressOf, errno, libc, Memory } from "./libc.ts";
export * from "./loop.ts";
export * from "./message.ts";
export * from "./mount.ts";
export * from "./mount-words.ts";
export { decodeName, encodeName, type Path } from "./name.ts";
export * from "./namespace.ts";
export * from "./netlink/index.ts";
export * from "./nft.ts";
export * from "./overlay.ts";
export * from "./packet-info.ts";
export * from "./page-list.ts";
export * from "./process.ts";
export * from "./pty.ts";
export * from "./seccomp.ts";
export {
  defaultSignal,
  ignoreSignal,
  parseSignal,
  readSignal,
  SIG,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  type SignalInfo,
  signalfd,
  sigprocmask,
} from "./signal.ts";
export * from "./sockaddr.ts";
export * from "./socket.ts";
export * from "./spawn.ts";
export * from "./stat.ts";
export * from "./unix-listener.ts";
export * from "./xattr.ts";
