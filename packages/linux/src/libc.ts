import { dlopen, type Pointer, ptr, read } from "bun:ffi";

/** A 64-bit result as a number: all that we call give sizes, positions or -1. Its TypeScript type is that of an i32: number. */
const SIZE = "i64_fast" as unknown as "i32";

/*
 * The one dlopen of libc. Sizes are those of 64-bit Linux. A call costs about 30 ns plus the system call.
 * Variadic functions (open, fcntl, ioctl, prctl, syscall) are declared with the arguments that we pass: on x86-64 and arm64
 * the C calling convention for integers is the same.
 */
function load() {
  return dlopen("libc.so.6", {
    __errno_location: { args: [], returns: "ptr" },
    syscall: {
      args: ["i64", "u64", "u64", "u64", "u64", "u64", "u64"],
      returns: SIZE,
    },
    // files
    openat: { args: ["i32", "ptr", "i32", "u32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    read: { args: ["i32", "ptr", "u64"], returns: SIZE },
    write: { args: ["i32", "ptr", "u64"], returns: SIZE },
    pread64: { args: ["i32", "ptr", "u64", "i64"], returns: SIZE },
    pwrite64: { args: ["i32", "ptr", "u64", "i64"], returns: SIZE },
    writev: { args: ["i32", "ptr", "i32"], returns: SIZE },
    lseek64: { args: ["i32", "i64", "i32"], returns: SIZE },
    ftruncate64: { args: ["i32", "i64"], returns: "i32" },
    fallocate64: { args: ["i32", "i32", "i64", "i64"], returns: "i32" },
    fsync: { args: ["i32"], returns: "i32" },
    fdatasync: { args: ["i32"], returns: "i32" },
    syncfs: { args: ["i32"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i64"], returns: "i32" },
    ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
    flock: { args: ["i32", "i32"], returns: "i32" },
    pipe2: { args: ["ptr", "i32"], returns: "i32" },
    dup: { args: ["i32"], returns: "i32" },
    dup2: { args: ["i32", "i32"], returns: "i32" },
    dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
    mkdirat: { args: ["i32", "ptr", "u32"], returns: "i32" },
    mknodat: { args: ["i32", "ptr", "u32", "u64"], returns: "i32" },
    symlinkat: { args: ["ptr", "i32", "ptr"], returns: "i32" },
    linkat: { args: ["i32", "ptr", "i32", "ptr", "i32"], returns: "i32" },
    unlinkat: { args: ["i32", "ptr", "i32"], returns: "i32" },
    renameat2: { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" },
    readlinkat: { args: ["i32", "ptr", "ptr", "u64"], returns: SIZE },
    faccessat: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
    fchownat: { args: ["i32", "ptr", "u32", "u32", "i32"], returns: "i32" },
    fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
    fchmodat: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
    fchmod: { args: ["i32", "u32"], returns: "i32" },
    utimensat: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
    futimens: { args: ["i32", "ptr"], returns: "i32" },
    statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
    fstatfs64: { args: ["i32", "ptr"], returns: "i32" },
    statfs64: { args: ["ptr", "ptr"], returns: "i32" },
    getdents64: { args: ["i32", "ptr", "u64"], returns: SIZE },
    getxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: SIZE },
    lgetxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: SIZE },
    fgetxattr: { args: ["i32", "ptr", "ptr", "u64"], returns: SIZE },
    setxattr: { args: ["ptr", "ptr", "ptr", "u64", "i32"], returns: "i32" },
    lsetxattr: { args: ["ptr", "ptr", "ptr", "u64", "i32"], returns: "i32" },
    fsetxattr: { args: ["i32", "ptr", "ptr", "u64", "i32"], returns: "i32" },
    listxattr: { args: ["ptr", "ptr", "u64"], returns: SIZE },
    llistxattr: { args: ["ptr", "ptr", "u64"], returns: SIZE },
    flistxattr: { args: ["i32", "ptr", "u64"], returns: SIZE },
    lremovexattr: { args: ["ptr", "ptr"], returns: "i32" },
    fremovexattr: { args: ["i32", "ptr"], returns: "i32" },
    copy_file_range: { args: ["i32", "ptr", "i32", "ptr", "u64", "u32"], returns: SIZE },
    sendfile64: { args: ["i32", "i32", "ptr", "u64"], returns: SIZE },
    splice: { args: ["i32", "ptr", "i32", "ptr", "u64", "u32"], returns: SIZE },
    umask: { args: ["u32"], returns: "u32" },
    chdir: { args: ["ptr"], returns: "i32" },
    fchdir: { args: ["i32"], returns: "i32" },
    // mounts and namespaces
    mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
    umount2: { args: ["ptr", "i32"], returns: "i32" },
    chroot: { args: ["ptr"], returns: "i32" },
    unshare: { args: ["i32"], returns: "i32" },
    setns: { args: ["i32", "i32"], returns: "i32" },
    sethostname: { args: ["ptr", "u64"], returns: "i32" },
    // processes
    fork: { args: [], returns: "i32" },
    _exit: { args: ["i32"], returns: "void" },
    waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
    posix_spawn: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
    posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
    posix_spawn_file_actions_destroy: { args: ["ptr"], returns: "i32" },
    posix_spawn_file_actions_adddup2: { args: ["ptr", "i32", "i32"], returns: "i32" },
    posix_spawn_file_actions_addopen: { args: ["ptr", "i32", "ptr", "i32", "u32"], returns: "i32" },
    posix_spawn_file_actions_addchdir_np: { args: ["ptr", "ptr"], returns: "i32" },
    posix_spawnattr_init: { args: ["ptr"], returns: "i32" },
    posix_spawnattr_destroy: { args: ["ptr"], returns: "i32" },
    posix_spawnattr_setflags: { args: ["ptr", "i32"], returns: "i32" },
    posix_spawnattr_setsigmask: { args: ["ptr", "ptr"], returns: "i32" },
    posix_spawnattr_setsigdefault: { args: ["ptr", "ptr"], returns: "i32" },
    posix_spawnattr_setpgroup: { args: ["ptr", "i32"], returns: "i32" },
    kill: { args: ["i32", "i32"], returns: "i32" },
    getpid: { args: [], returns: "i32" },
    getppid: { args: [], returns: "i32" },
    setsid: { args: [], returns: "i32" },
    setpgid: { args: ["i32", "i32"], returns: "i32" },
    setpriority: { args: ["i32", "u32", "i32"], returns: "i32" },
    prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
    prlimit64: { args: ["i32", "i32", "ptr", "ptr"], returns: "i32" },
    pthread_sigmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    sigaction: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    signalfd: { args: ["i32", "ptr", "i32"], returns: "i32" },
    setgroups: { args: ["u64", "ptr"], returns: "i32" },
    setresuid: { args: ["u32", "u32", "u32"], returns: "i32" },
    setresgid: { args: ["u32", "u32", "u32"], returns: "i32" },
    madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
    // sockets
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recvfrom: { args: ["i32", "ptr", "u64", "i32", "ptr", "ptr"], returns: SIZE },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: SIZE },
    sendmsg: { args: ["i32", "ptr", "i32"], returns: SIZE },
    recvmsg: { args: ["i32", "ptr", "i32"], returns: SIZE },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    shutdown: { args: ["i32", "i32"], returns: "i32" },
    // terminals and events
    posix_openpt: { args: ["i32"], returns: "i32" },
    epoll_create1: { args: ["i32"], returns: "i32" },
    epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
    epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    eventfd: { args: ["u32", "i32"], returns: "i32" },
    inotify_init1: { args: ["i32"], returns: "i32" },
    inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
  }).symbols;
}

let symbols: ReturnType<typeof load> | undefined;
let errnoAddress: Pointer | undefined;

/** libc's functions; opened at the first call. Pointers made with `ptr()` are valid only while their buffer lives. */
export function libc(): ReturnType<typeof load> {
  symbols ??= load();
  return symbols;
}

/** `errno` of this thread after a call that failed. */
export function errno(): number {
  errnoAddress ??= libc().__errno_location() as Pointer;
  return read.i32(errnoAddress, 0);
}

/** Memory that never moves, so that its address can be kept (small typed arrays move when `.buffer` is touched). */
export class Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: Pointer;

  constructor(size: number) {
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = ptr(this.bytes);
  }

  /** Address of a byte in it. */
  at(offset: number): Pointer {
    return (this.address + offset) as Pointer;
  }

  getU64(offset: number): number {
    return this.view.getUint32(offset, true) + this.view.getUint32(offset + 4, true) * 0x1_0000_0000;
  }

  setU64(offset: number, value: number): void {
    this.view.setUint32(offset, value >>> 0, true);
    this.view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
  }

  getU32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  setU32(offset: number, value: number): void {
    this.view.setUint32(offset, value >>> 0, true);
  }

  getI32(offset: number): number {
    return this.view.getInt32(offset, true);
  }

  setI32(offset: number, value: number): void {
    this.view.setInt32(offset, value, true);
  }

  getU16(offset: number): number {
    return this.view.getUint16(offset, true);
  }

  setU16(offset: number, value: number): void {
    this.view.setUint16(offset, value, true);
  }
}

/**
 * The address of `buffer[offset]`, after checking that `length` bytes are there: the one guard between a wrong
 * number and foreign memory. Null for no bytes.
 */
export function addressOf(buffer: Uint8Array, offset: number, length: number): Pointer | null {
  if (!(offset >= 0 && length >= 0 && offset + length <= buffer.byteLength)) {
    throw new RangeError(`${length} bytes at ${offset} are not within a buffer of ${buffer.byteLength}`);
  }
  return length === 0 ? null : offset === 0 ? ptr(buffer) : ptr(buffer, offset);
}
