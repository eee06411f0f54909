import { goJsonSyntaxError } from "@berth/api/go-json";
import { quote } from "../format/quote.ts";
import { lazyNode } from "../lazy-node.ts";

export interface SecurityOptions {
  options: string[] | null;
  /** null: the daemon's defaults. */
  maskedPaths: string[] | null;
  readonlyPaths: string[] | null;
}

/** `--security-opt`. A seccomp profile is read here and sent with the request. @throws Error in Docker's words. */
export function parseSecurityOptions(given: readonly string[]): SecurityOptions {
  const options: string[] = [];
  let open = false;
  for (const text of given) {
    const at = text.search(/[=:]/);
    // The colon is the older form.
    const separator = text.includes("=") ? text.indexOf("=") : at;
    const key = separator < 0 ? text : text.slice(0, separator);
    const value = separator < 0 ? "" : text.slice(separator + 1);
    if ((separator < 0 || value === "") && key !== "no-new-privileges") {
      throw new Error(`Invalid --security-opt: ${quote(text)}`);
    }
    if (key === "systempaths" && value === "unconfined") open = true;
    else if (key === "seccomp" && value !== "builtin" && value !== "unconfined") {
      options.push(`seccomp=${readProfile(value)}`);
    } else options.push(text);
  }
  return {
    options: given.length === 0 ? null : options,
    maskedPaths: open ? [] : null,
    readonlyPaths: open ? [] : null,
  };
}

function readProfile(path: string): string {
  let text: string;
  try {
    text = lazyNode.fs.readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const reason = code === "ENOENT" ? `open ${path}: no such file or directory` : message;
    throw new Error(`opening seccomp profile (${path}) failed: ${reason}`);
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw new Error(`compacting json for seccomp profile (${path}) failed: ${goJsonSyntaxError(text)}`);
  }
}
