import { invalidParameter } from "@berth/base";
import { goJsonSyntaxError } from "../go-json.ts";
import { type Decoder, ROOT } from "./decoder.ts";

/** Decodes a request's body. An empty one decodes as if it were `null`. @throws invalid-parameter with Docker's sentence. */
export function decodeBody<T>(text: string, decode: Decoder<T>): T {
  return decode(text.trim() === "" ? undefined : parseJson(text), ROOT);
}

/** @throws invalid-parameter `invalid JSON: …`, `unexpected content after JSON`. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const problem = goJsonSyntaxError(text);
    if (problem.endsWith("after top-level value")) throw invalidParameter("unexpected content after JSON");
    throw invalidParameter(
      `invalid JSON: ${problem.replace("unexpected end of JSON input", "unexpected EOF")}`,
    );
  }
}
