/** Help of `--format` where rows are printed. */
export const FORMAT_HELP =
  "Print with a Go template: 'table', 'table TEMPLATE' (with headers), 'json', or 'TEMPLATE'";

/** Help of `--format` where one thing is printed. */
export const INSPECT_FORMAT_HELP = "Print with a Go template: 'json', or 'TEMPLATE'";
