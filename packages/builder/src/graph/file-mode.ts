import { DockerfileError } from "../parse/error.ts";
import type { FileMode } from "./operation.ts";

const CLAUSE = /^[ugoa]*(?:[-+=](?:[ugo]|[rwxXst]*))+$/;

/** Reads `--chmod`: `755`, `0644`, `u+x`, `u=rwX,go=rX`. @throws DockerfileError. */
export function parseFileMode(text: string): FileMode {
  if (/^[0-9]/.test(text)) {
    const octal = /^[0-7]{1,7}$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
    if (!(octal <= 0o7777)) {
      throw new DockerfileError(
        `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
      );
    }
    return { octal };
  }
  if (!text.split(",").every((clause) => CLAUSE.test(clause))) {
    throw new DockerfileError(
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
    );
  }
  return { symbolic: text };
}
