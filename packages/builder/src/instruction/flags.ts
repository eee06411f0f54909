import { DockerfileError } from "../parse/error.ts";
import { suggest } from "../parse/suggest.ts";

type Kind = "text" | "bool" | "list";

/** Flags of one instruction, checked against what it knows. */
export class Flags {
  readonly #values = new Map<string, string[]>();

  /** @throws DockerfileError with BuildKit's sentences. */
  constructor(given: readonly string[], known: Readonly<Record<string, Kind>>) {
    for (const flag of given) {
      const text = flag.slice(2);
      const equals = text.indexOf("=");
      const name = equals < 0 ? text : text.slice(0, equals);
      const value = equals < 0 ? undefined : text.slice(equals + 1);
      const kind = Object.hasOwn(known, name) ? known[name] : undefined;
      if (kind === undefined) {
        const meant = suggest(name, Object.keys(known), true);
        throw new DockerfileError(
          `unknown flag: --${name}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
        );
      }
      const before = this.#values.get(name);
      if (before !== undefined && kind !== "list") {
        throw new DockerfileError(`duplicate flag specified: ${name}`);
      }
      if (kind === "bool" ? value === "" : value === undefined) {
        throw new DockerfileError(`missing a value on flag: ${name}`);
      }
      const lower = value?.toLowerCase() ?? "true";
      if (kind === "bool" && lower !== "true" && lower !== "false") {
        throw new DockerfileError(`expecting boolean value for flag ${name}, not: ${value}`);
      }
      this.#values.set(name, [...(before ?? []), kind === "bool" ? lower : value!]);
    }
  }

  text(name: string): string {
    return this.#values.get(name)?.[0] ?? "";
  }

  /** undefined when it is not given. */
  bool(name: string): boolean | undefined {
    const value = this.#values.get(name)?.[0];
    return value === undefined ? undefined : value === "true";
  }

  list(name: string): string[] {
    return this.#values.get(name) ?? [];
  }
}
