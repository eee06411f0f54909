import { DockerfileError } from "../parse/error.ts";

/** Reads one record of comma-separated fields; `"` quotes a field, `""` is a quote in it. @throws DockerfileError. */
export function readCsv(text: string, what: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      let field = "";
      at++;
      for (;;) {
        const end = text.indexOf('"', at);
        if (end < 0) throw new DockerfileError(`failed to parse csv ${what}s: missing closing quote`);
        field += text.slice(at, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
        at++;
      }
      if (at < text.length && text[at] !== ",") {
        throw new DockerfileError(`failed to parse csv ${what}s: text after a quoted field`);
      }
      fields.push(field);
    } else {
      const comma = text.indexOf(",", at);
      const field = text.slice(at, comma < 0 ? undefined : comma);
      if (field.includes('"')) {
        throw new DockerfileError(`failed to parse csv ${what}s: bare " in non-quoted-field`);
      }
      fields.push(field);
      at += field.length;
    }
    if (at >= text.length) return fields;
    at++;
  }
}
