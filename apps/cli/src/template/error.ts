/** A template that cannot be parsed or executed; `message` is Go's sentence (`template: :1:2: …`). */
export class TemplateError extends Error {
  constructor(message: string, source: string, at: number, context?: { node: string; template: string }) {
    const before = source.slice(0, at);
    const line = before.split("\n").length;
    if (context === undefined) super(`template: :${line}: ${message}`);
    else {
      const column = new TextEncoder().encode(before.slice(before.lastIndexOf("\n") + 1)).length;
      super(`template: :${line}:${column}: executing "${context.template}" at <${context.node}>: ${message}`);
    }
    this.name = "TemplateError";
  }
}
