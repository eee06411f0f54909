/**
 * The caller's own terminal: size and raw mode. Imported by itself (`@berth/linux/terminal`), with a libc handle of its
 * own, because a command line must not pay for the whole package: 0.7 ms instead of 10.
 */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCGWINSZ = 0x5413;

// struct termios of the kernel on x86-64 and arm64: four 32-bit flag words, c_line, then c_cc.
const C_CC = 17;
const VTIME = 5;
const VMIN = 6;
const IFLAG_OFF = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x400; // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
const OPOST = 0x1;
const CSIZE_PARENB = 0x30 | 0x100;
const CS8 = 0x30;
const LFLAG_OFF = 0x8 | 0x40 | 0x2 | 0x1 | 0x8000; // ECHO ECHONL ICANON ISIG IEXTEN

function load() {
  // Not imported: a bundle that has this beside other modules would load it with them.
  const { dlopen, ptr } = process.getBuiltinModule("bun:ffi") as typeof import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", { ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } });
  return { ioctl: symbols.ioctl, ptr };
}
let loaded: ReturnType<typeof load> | undefined;

function ioctl(fd: number, request: number, data: Uint8Array): boolean {
  loaded ??= load();
  return loaded.ioctl(fd, request, loaded.ptr(data)) === 0;
}

/** Whether a descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return ioctl(fd, TCGETS, new Uint8Array(64));
}

/** undefined when it is no terminal. */
export function terminalSize(fd: number): { rows: number; columns: number } | undefined {
  const bytes = new Uint8Array(8);
  if (!ioctl(fd, TIOCGWINSZ, bytes)) return undefined;
  const view = new DataView(bytes.buffer);
  return { rows: view.getUint16(0, true), columns: view.getUint16(2, true) };
}

/**
 * Every key goes through as it is: no echo, no lines, no signals from keys (cfmakeraw(3)). What was typed before is kept.
 * @returns what puts the terminal back; undefined when it is no terminal.
 */
export function makeTerminalRaw(fd: number): (() => void) | undefined {
  const before = new Uint8Array(64);
  if (!ioctl(fd, TCGETS, before)) return undefined;
  const raw = before.slice();
  const view = new DataView(raw.buffer);
  const change = (at: number, off: number, on = 0) =>
    view.setUint32(at, ((view.getUint32(at, true) & ~off) | on) >>> 0, true);
  change(0, IFLAG_OFF);
  change(4, OPOST);
  change(8, CSIZE_PARENB, CS8);
  change(12, LFLAG_OFF);
  raw[C_CC + VMIN] = 1;
  raw[C_CC + VTIME] = 0;
  if (!ioctl(fd, TCSETS, raw)) return undefined;
  return () => void ioctl(fd, TCSETS, before);
}

const ECHO = 0x8;

/**
 * What is typed does not show; lines and signals from keys stay.
 * @returns what puts the terminal back; undefined when it is no terminal.
 */
export function hideTyping(fd: number): (() => void) | undefined {
  const before = new Uint8Array(64);
  if (!ioctl(fd, TCGETS, before)) return undefined;
  const silent = before.slice();
  const view = new DataView(silent.buffer);
  view.setUint32(12, (view.getUint32(12, true) & ~ECHO) >>> 0, true);
  if (!ioctl(fd, TCSETS, silent)) return undefined;
  return () => void ioctl(fd, TCSETS, before);
}
