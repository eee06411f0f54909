import { parsePlatform } from "@berth/spec";

/** `linux/arm64` as the OCI platform in JSON that the API's `platform` parameters hold. @throws invalid-parameter */
export function platformJson(text: string): string {
  const { architecture, os, variant } = parsePlatform(text);
  return JSON.stringify({ architecture, os, ...(variant !== undefined && { variant }) });
}

/** The same for several, each of which may be several parted by commas. */
export function platformsJson(texts: readonly string[]): string[] {
  return texts.filter((text) => text !== "").map(platformJson);
}
