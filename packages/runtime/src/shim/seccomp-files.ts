import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { encoded, sha256, writeFileAtomic } from "@berth/base";
import type { OciRuntime } from "../runtime.ts";
import { compileProfile } from "../spec/seccomp/compile.ts";
import type { OciSeccomp } from "../spec/seccomp/profile.ts";
import type { BundleFile } from "./launch-file.ts";

type SeccompFields = Pick<BundleFile, "seccompFile" | "seccompProgramFile">;

/**
 * Seccomp profiles in files, one for each distinct profile: they are large and few. For crun the compiled program, so that
 * it does not compile at every start; for others the profile's JSON text.
 */
export class SeccompFiles {
  readonly #folder: string;
  /** By identity: the spec's builder makes each profile once. */
  readonly #names = new WeakMap<object, string>();
  /** Names of profiles that cannot be compiled here. */
  readonly #uncompilable = new Set<string>();

  /** `folder` must exist; what is in it from before is used again. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  fieldsFor(profile: OciSeccomp, runtime: OciRuntime): SeccompFields {
    const name = this.#nameOf(profile);
    if (basename(runtime.path) === "crun" && !this.#uncompilable.has(name)) {
      const program = this.#program(name, profile);
      if (program !== undefined) return { seccompProgramFile: program };
      this.#uncompilable.add(name);
    }
    const path = join(this.#folder, `${name}.json`);
    if (!existsSync(path)) writeFileAtomic(path, JSON.stringify(profile));
    return { seccompFile: path };
  }

  #nameOf(profile: OciSeccomp): string {
    let name = this.#names.get(profile);
    if (name === undefined) {
      name = encoded(sha256(JSON.stringify(profile))).slice(0, 32);
      this.#names.set(profile, name);
    }
    return name;
  }

  #program(name: string, profile: OciSeccomp): string | undefined {
    const path = join(this.#folder, `${name}.bpf`);
    if (existsSync(path)) return path;
    const program = compileProfile(profile);
    if (program === undefined) return undefined;
    writeFileAtomic(path, Buffer.from(program).toString("base64"));
    return path;
  }
}
