import { parseBool } from "../parse/directives.ts";
import { DockerfileError } from "../parse/error.ts";

/** A git repository as ADD and contexts name it. */
export interface GitRef {
  remote: string;
  /** Empty: the remote's default branch. */
  ref: string;
  subdir: string;
  checksum?: string;
  keepGitDir?: boolean;
  submodules?: boolean;
  /** `github.com/a/b`: could be a path as well; git only where a context is meant. */
  ambiguous: boolean;
}

const SCP = /^[a-zA-Z0-9_-]+@[^\s/:]+:.+$/;
const URL_FORM = /^(https?|git|ssh):\/\//i;

/**
 * Reads `https://host/repo.git#ref:subdir`, `…?branch=x&subdir=y`, `git://…`, `ssh://…`, `git@host:path`.
 * Undefined when it is no git reference: HTTP addresses are one only when their path ends with `.git`.
 * @throws DockerfileError for a wrong query.
 */
export function parseGitRef(text: string): GitRef | undefined {
  if (text.startsWith("./") || text.startsWith("../")) return undefined;
  const ambiguous = text.startsWith("github.com/");
  if (!ambiguous && !URL_FORM.test(text) && !SCP.test(text)) return undefined;
  const hash = text.indexOf("#");
  const beforeHash = hash < 0 ? text : text.slice(0, hash);
  const fragment = hash < 0 ? "" : text.slice(hash + 1);
  const question = beforeHash.indexOf("?");
  const address = question < 0 ? beforeHash : beforeHash.slice(0, question);
  if (/^https?:/i.test(address) && !/\.git\/?$/.test(address)) return undefined;
  const colon = fragment.indexOf(":");
  const reference: GitRef = {
    remote: ambiguous ? `https://${address}` : address,
    ref: colon < 0 ? fragment : fragment.slice(0, colon),
    subdir: colon < 0 ? "" : fragment.slice(colon + 1),
    ambiguous,
  };
  if (question >= 0 && URL_FORM.test(address)) readQuery(beforeHash.slice(question + 1), reference);
  else if (question >= 0) reference.remote += beforeHash.slice(question);
  return reference;
}

function readQuery(query: string, reference: GitRef): void {
  const parameters = new URLSearchParams(query);
  const refs = new Map<string, string>();
  for (const key of new Set(parameters.keys())) {
    const values = parameters.getAll(key);
    if (values.length > 1) throw new DockerfileError(`query ${JSON.stringify(key)} has multiple values`);
    const value = values[0]!;
    const flag = key === "submodules" || key === "keep-git-dir";
    if (value === "" && !flag) throw new DockerfileError(`query ${JSON.stringify(key)} has no value`);
    switch (key) {
      case "ref":
      case "tag":
      case "branch":
        refs.set(key, value);
        break;
      case "subdir":
        if (reference.subdir !== "" && reference.subdir !== value) {
          throw new DockerfileError(
            `subdir conflicts: ${JSON.stringify(reference.subdir)} vs ${JSON.stringify(value)}`,
          );
        }
        reference.subdir = value;
        break;
      case "checksum":
      case "commit":
        reference.checksum = value;
        break;
      case "keep-git-dir":
      case "submodules": {
        const bool = value === "" ? true : parseBool(value);
        if (bool === undefined) {
          throw new DockerfileError(`invalid ${key} value: ${JSON.stringify(value)}`);
        }
        reference[key === "submodules" ? "submodules" : "keepGitDir"] = bool;
        break;
      }
      default:
        throw new DockerfileError(`unexpected query ${JSON.stringify(key)}`);
    }
  }
  if (refs.has("tag") && refs.has("branch")) throw new DockerfileError("branch conflicts with tag");
  setRef(reference, refs.get("ref"), "");
  setRef(reference, refs.get("tag"), "refs/tags/");
  setRef(reference, refs.get("branch"), "refs/heads/");
  if (reference.checksum !== undefined && reference.ref === "") reference.ref = reference.checksum;
}

function setRef(reference: GitRef, value: string | undefined, prefix: string): void {
  if (value === undefined) return;
  const full = value.startsWith(prefix) ? value : prefix + value;
  if (reference.ref !== "" && reference.ref !== full) {
    throw new DockerfileError(`ref conflicts: ${JSON.stringify(reference.ref)} vs ${JSON.stringify(full)}`);
  }
  reference.ref = full;
}
