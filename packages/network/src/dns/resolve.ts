import { addressBytes, addressFromBytes, formatAddress, parseAddress } from "../address/ip.ts";
import { type Answer, CLASS_IN, type Query, RCODE, reverseAddress, TYPE, writeName } from "./message.ts";
import type { ZoneIndex } from "./zone.ts";

/** Seconds that clients may keep an answer; Docker's. */
const TTL = 600;
/** Links may lead to links, but not in circles. */
const LINK_DEPTH = 4;

export type Resolution = { rcode: number; answers: Answer[] } | "forward";

/**
 * Answers from the zones, the first that knows the name deciding; `forward` for what they do not know. A name that is known
 * has no records of other types, so that nobody asks the world for it. `random` in [0, 1) decides which address comes first.
 */
export function resolve(
  query: Query,
  zones: readonly ZoneIndex[],
  options: { keepSingleLabels: boolean },
  random: () => number = Math.random,
): Resolution {
  if (query.class !== CLASS_IN) return "forward";
  if (query.type === TYPE.PTR) return reverse(query.name, zones);
  const addresses = lookUp(query.name, zones, LINK_DEPTH);
  if (addresses !== undefined) {
    return { rcode: RCODE.NOERROR, answers: rotate(answersOf(addresses, query.type), random) };
  }
  // With an `ndots` of the user the client adds its search domains itself when we do not know a single label.
  const plain = query.type === TYPE.A || query.type === TYPE.AAAA;
  if (options.keepSingleLabels && plain && !query.name.includes(".")) {
    return { rcode: RCODE.NOERROR, answers: [] };
  }
  return "forward";
}

function lookUp(name: string, zones: readonly ZoneIndex[], depth: number): string[] | undefined {
  for (const zone of zones) {
    const target = zone.links.get(name);
    if (target !== undefined && target !== name && depth > 0) {
      const found = lookUp(target, zones, depth - 1);
      if (found !== undefined) return found;
    }
  }
  for (const zone of zones) {
    const suffix = `.${zone.network}`;
    const found =
      zone.byName.get(name) ??
      (zone.network !== "" && name.endsWith(suffix)
        ? zone.byName.get(name.slice(0, -suffix.length))
        : undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

function answersOf(addresses: readonly string[], type: number): Answer[] {
  const family = type === TYPE.A ? 4 : type === TYPE.AAAA ? 6 : 0;
  const answers: Answer[] = [];
  for (const text of new Set(addresses)) {
    const address = parseAddress(text);
    if (address?.family === family) answers.push({ type, ttl: TTL, data: addressBytes(address) });
  }
  return answers;
}

function rotate<T>(list: T[], random: () => number): T[] {
  const at = Math.floor(random() * list.length);
  return at === 0 ? list : [...list.slice(at), ...list.slice(0, at)];
}

function reverse(name: string, zones: readonly ZoneIndex[]): Resolution {
  const bytes = reverseAddress(name);
  if (bytes === undefined) return "forward";
  const text = formatAddress(addressFromBytes(bytes));
  for (const zone of zones) {
    const target = zone.byAddress.get(text);
    const data = target === undefined ? undefined : writeName(target);
    if (data !== undefined) return { rcode: RCODE.NOERROR, answers: [{ type: TYPE.PTR, ttl: TTL, data }] };
  }
  return "forward";
}
