/**
 * One line of comma separated values, with quotes (RFC 4180), as Go's encoding/csv reads it.
 * @throws Error with Go's sentence.
 */
export function parseCsvLine(line: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] !== '"') {
      const comma = line.indexOf(",", at);
      const field = line.slice(at, comma < 0 ? undefined : comma);
      const bare = field.indexOf('"');
      if (bare >= 0) {
        throw new Error(
          `parse error on line 1, column ${at + bare + 1}: bare \\" in non-quoted-field`.replace("\\", ""),
        );
      }
      fields.push(field);
      if (comma < 0) return fields;
      at = comma + 1;
      continue;
    }
    let field = "";
    at++;
    for (;;) {
      const quote = line.indexOf('"', at);
      if (quote < 0) {
        throw new Error(
          `parse error on line 1, column ${line.length + 1}: extraneous or missing " in quoted-field`,
        );
      }
      field += line.slice(at, quote);
      at = quote + 1;
      if (line[at] === '"') {
        field += '"';
        at++;
      } else break;
    }
    fields.push(field);
    if (at === line.length) return fields;
    if (line[at] !== ",") {
      throw new Error(`parse error on line 1, column ${at}: extraneous or missing " in quoted-field`);
    }
    at++;
  }
}
