/** The parts of Markdown pages that `check-docs` looks at: links, headings, code spans and code blocks. */

export interface Span {
  text: string;
  /** 1-based. */
  line: number;
}

export interface Page {
  links: Span[];
  /** As anchors: `## The house` → `the-house`. */
  anchors: Set<string>;
  /** Texts between single backticks. */
  codeSpans: Span[];
  /** Lines of fenced blocks; `language` is what follows the fence. */
  codeLines: (Span & { language: string })[];
}

/** A heading's anchor as GitHub makes it. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

export function parsePage(markdown: string): Page {
  const page: Page = { links: [], anchors: new Set(), codeSpans: [], codeLines: [] };
  let fence: { mark: string; language: string } | undefined;
  for (const [index, text] of markdown.split("\n").entries()) {
    const line = index + 1;
    const mark = /^\s*(```+|~~~+)\s*([\w+-]*)/.exec(text);
    if (fence !== undefined) {
      if (mark?.[1]?.startsWith(fence.mark)) fence = undefined;
      else page.codeLines.push({ text, line, language: fence.language });
      continue;
    }
    if (mark !== null) {
      fence = { mark: mark[1]!, language: mark[2]! };
      continue;
    }
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(text);
    if (heading !== null) page.anchors.add(anchorOf(heading[1]!.replace(/`/g, "")));
    const prose = text.replace(/`([^`]+)`/g, (_whole, code: string) => {
      page.codeSpans.push({ text: code, line });
      return "";
    });
    for (const link of prose.matchAll(/\]\(([^()\s]+)\)/g)) page.links.push({ text: link[1]!, line });
  }
  return page;
}
