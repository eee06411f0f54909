/** One flag of a command. Declarations are data: parsing, help and completion derive from them. */
export interface Flag<T> {
  readonly shorthand?: string;
  /** The word for its value in the help; empty for a switch. */
  readonly type: string;
  readonly help: string;
  /** Value when it is not given. */
  initial(): T;
  /** As the help shows the default; undefined: not shown. */
  readonly defaultText?: string;
  /** Its value when it stands alone, without `=value`. */
  readonly alone?: string;
  readonly hidden?: boolean;
  /** What to use instead. */
  readonly deprecated?: string;
  /** What completion offers. */
  readonly values?: readonly string[] | Completer;
  /** Takes one occurrence. `before`: of earlier ones, or the initial value. @throws Error with Docker's complaint. */
  parse(text: string, before: T, given: boolean): T;
}

/** What of the daemon or the file system completes a word. */
export type Completer =
  | "container"
  | "running-container"
  | "stopped-container"
  | "image"
  | "network"
  | "volume"
  | "context"
  | "service"
  | "profile"
  | "file"
  | "folder"
  | "none";

// biome-ignore lint/suspicious/noExplicitAny: a record of flags holds flags of any type.
export type Flags = Readonly<Record<string, Flag<any>>>;

export type FlagValues<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

/** What the command line gave. */
export interface Parsed<F extends Flags> {
  readonly values: FlagValues<F>;
  /** Whether the flag was on the command line. */
  given(name: keyof F & string): boolean;
}
