import { hideTyping, isTerminal, makeTerminalRaw, terminalSize } from "@berth/linux/terminal";

/** Our standard streams as terminals. Loaded only where it matters. */
export const terminal = {
  is: (fd: number): boolean => isTerminal(fd),
  size: (fd: number) => terminalSize(fd),
  hideTyping: (fd: number) => hideTyping(fd),
  raw: (fd: number) => makeTerminalRaw(fd),
};
