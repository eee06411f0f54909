import { O } from "./constants.ts";
import { checked } from "./errno.ts";
import { open } from "./fs.ts";
import { closeQuietly } from "./io.ts";
import { libc, Memory } from "./libc.ts";

const TIOCSCTTY = 0x540e;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCGPTPEER = 0x5441;
const TIOCGPTN = 0x8004_5430;
const TIOCSPTLCK = 0x4004_5431;

export interface WindowSize {
  rows: number;
  columns: number;
}

/** A pair of descriptors of a new pseudo terminal. */
export interface Pty {
  master: number;
  slave: number;
  /** Number in devpts: the slave is `/dev/pts/<number>` where `/dev/ptmx` was opened. */
  number: number;
}

let memory: Memory | undefined;

function scratch(): Memory {
  memory ??= new Memory(8);
  return memory;
}

/** Opens a pseudo terminal, both ends close-on-exec and not the controlling terminal. `ptmx`: of another devpts. */
export function openPty(size?: WindowSize, ptmx = "/dev/ptmx"): Pty {
  const word = scratch();
  const master = open(ptmx, O.RDWR | O.NOCTTY);
  try {
    word.setI32(0, 0);
    checked(libc().ioctl(master, TIOCSPTLCK, word.address), "ioctl", ptmx);
    checked(libc().ioctl(master, TIOCGPTN, word.address), "ioctl", ptmx);
    const number = word.getI32(0);
    // The peer is opened through the master: no path lookup, so it works in any mount namespace.
    const flags = O.RDWR | O.NOCTTY | O.CLOEXEC;
    const slave = checked(libc().syscall(SYS_IOCTL, master, TIOCGPTPEER, flags, 0, 0, 0), "ioctl", ptmx);
    try {
      if (size !== undefined) setWindowSize(master, size);
    } catch (error) {
      closeQuietly(slave);
      throw error;
    }
    return { master, slave, number };
  } catch (error) {
    closeQuietly(master);
    throw error;
  }
}

/** ioctl(2) with a number for its argument: libc's function is declared with a pointer. */
const SYS_IOCTL = process.arch === "arm64" ? 29 : 16;

/** Sets the window size; programs in the terminal get SIGWINCH. */
export function setWindowSize(fd: number, size: WindowSize): void {
  const word = scratch();
  word.setU16(0, size.rows);
  word.setU16(2, size.columns);
  word.setU32(4, 0);
  checked(libc().ioctl(fd, TIOCSWINSZ, word.address), "ioctl");
}

export function getWindowSize(fd: number): WindowSize {
  const word = scratch();
  checked(libc().ioctl(fd, TIOCGWINSZ, word.address), "ioctl");
  return { rows: word.getU16(0), columns: word.getU16(2) };
}

/** Makes a terminal the controlling one of this session, whose leader the caller is. */
export function setControllingTerminal(fd: number): void {
  checked(libc().ioctl(fd, TIOCSCTTY, null), "ioctl");
}
