import type { Exchange } from "./exchange.ts";

export type Handler = (exchange: Exchange) => Promise<void> | void;
export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

/** `pattern`: a path with `{name}` parts. A part may hold slashes, as image names do. */
export interface Route {
  method: Method;
  pattern: string;
  handler: Handler;
}

export const get = (pattern: string, handler: Handler): Route => ({ method: "GET", pattern, handler });
export const head = (pattern: string, handler: Handler): Route => ({ method: "HEAD", pattern, handler });
export const post = (pattern: string, handler: Handler): Route => ({ method: "POST", pattern, handler });
export const put = (pattern: string, handler: Handler): Route => ({ method: "PUT", pattern, handler });
export const del = (pattern: string, handler: Handler): Route => ({ method: "DELETE", pattern, handler });

export interface Match {
  handler: Handler;
  parameters: Readonly<Record<string, string>>;
}

interface CompiledRoute {
  expression: RegExp;
  names: string[];
  handler: Handler;
}

const NONE = Object.freeze({});

/** Finds the handler of a method and path: exact paths by lookup, patterns in the order given. */
export class Router {
  readonly #exact = new Map<string, Handler>();
  readonly #patterns = new Map<string, CompiledRoute[]>();

  constructor(routes: Iterable<Route>) {
    for (const { method, pattern, handler } of routes) {
      if (!pattern.includes("{")) {
        this.#exact.set(`${method} ${pattern}`, handler);
        continue;
      }
      const names: string[] = [];
      const source = pattern
        .split(/(\{\w+\})/)
        .map((part) => {
          if (!part.startsWith("{")) return RegExp.escape(part);
          names.push(part.slice(1, -1));
          return "(.*)";
        })
        .join("");
      const key = `${method} ${firstPart(pattern)}`;
      const compiled = { expression: new RegExp(`^${source}$`, "s"), names, handler };
      this.#patterns.set(key, [...(this.#patterns.get(key) ?? []), compiled]);
    }
  }

  find(method: string, path: string): Match | undefined {
    const exact = this.#exact.get(`${method} ${path}`);
    if (exact !== undefined) return { handler: exact, parameters: NONE };
    for (const route of this.#patterns.get(`${method} ${firstPart(path)}`) ?? []) {
      const found = route.expression.exec(path);
      if (found === null) continue;
      const parameters = Object.fromEntries(route.names.map((name, at) => [name, found[at + 1] as string]));
      return { handler: route.handler, parameters };
    }
    return undefined;
  }
}

function firstPart(path: string): string {
  const end = path.indexOf("/", 1);
  return end < 0 ? path : path.slice(0, end);
}
