import { existsSync, readFileSync } from "node:fs";
import { log } from "@berth/base";
import { runNft } from "@berth/linux";

/*
 * Other software's packet filter drops what it does not know: Docker sets the policy of iptables' FORWARD chain to DROP. What
 * our table accepts must pass there too, so our bridges get two rules in that chain. Our own table still decides about them.
 */
const FAMILIES = ["ip", "ip6"] as const;
const LEGACY = {
  ip: ["/proc/net/ip_tables_names", "iptables-legacy"],
  ip6: ["/proc/net/ip6_tables_names", "ip6tables-legacy"],
} as const;

/** Lets the bridges' traffic pass chains that drop by default. Failures are logged: the filter may be anything. */
export function acceptInForeignFilters(bridges: readonly string[]): void {
  if (bridges.length === 0) return;
  for (const family of FAMILIES) {
    try {
      acceptInNft(family, bridges);
      acceptInLegacy(family, bridges);
    } catch (error) {
      log.warn("cannot let containers' traffic pass the host's packet filter", {
        family,
        cause: error instanceof Error ? error : String(error),
      });
    }
  }
}

/** Takes the rules of a bridge out again. */
export function forgetInForeignFilters(bridge: string): void {
  for (const family of FAMILIES) {
    try {
      for (const { handle } of ourRules(readChain(family)?.rules ?? [], bridge)) {
        runNft(`delete rule ${family} filter FORWARD handle ${handle}`);
      }
      if (!legacyFilterExists(family)) continue;
      for (const direction of ["-i", "-o"])
        legacy(family, ["-D", "FORWARD", direction, bridge, "-j", "ACCEPT"]);
    } catch (error) {
      log.debug("cannot remove rules from the host's packet filter", { family, error });
    }
  }
}

interface Rule {
  handle: number;
  /** Interface that it matches, `iifname` or `oifname`, when it does nothing but accept that. */
  accepts?: { key: string; device: string };
}

/** iptables-nft's FORWARD chain. */
function readChain(family: string): { policy: string; rules: Rule[] } | undefined {
  let text: string;
  try {
    text = runNft(`list chain ${family} filter FORWARD`, { json: true });
  } catch {
    return undefined;
  }
  const entries = (JSON.parse(text.slice(text.indexOf("{"))) as { nftables: Record<string, unknown>[] })
    .nftables;
  const chain = entries.map((entry) => entry.chain as { policy?: string } | undefined).find(Boolean);
  const rules = entries
    .map((entry) => entry.rule as { handle: number; expr?: unknown[] } | undefined)
    .filter((rule) => rule !== undefined)
    .map((rule): Rule => {
      const accepts = acceptedInterface(rule.expr ?? []);
      return { handle: rule.handle, ...(accepts === undefined ? {} : { accepts }) };
    });
  return { policy: chain?.policy ?? "accept", rules };
}

function acceptedInterface(expressions: readonly unknown[]): { key: string; device: string } | undefined {
  const kept = expressions.filter((each) => !Object.hasOwn(each as object, "counter")) as Record<
    string,
    unknown
  >[];
  const [match, verdict] = kept;
  if (kept.length !== 2 || match === undefined || verdict === undefined || !Object.hasOwn(verdict, "accept"))
    return undefined;
  const { op, left, right } = (match.match ?? {}) as {
    op?: string;
    left?: { meta?: { key?: string } };
    right?: unknown;
  };
  const key = left?.meta?.key;
  if (op !== "==" || (key !== "iifname" && key !== "oifname") || typeof right !== "string") return undefined;
  return { key, device: right };
}

function ourRules(rules: readonly Rule[], bridge: string): Rule[] {
  return rules.filter((rule) => rule.accepts?.device === bridge);
}

function acceptInNft(family: string, bridges: readonly string[]): void {
  const chain = readChain(family);
  if (chain?.policy !== "drop") return;
  const commands: string[] = [];
  for (const bridge of bridges) {
    const present = new Set(ourRules(chain.rules, bridge).map((rule) => rule.accepts?.key));
    for (const key of ["iifname", "oifname"]) {
      if (present.has(key)) continue;
      commands.push(`insert rule ${family} filter FORWARD ${key} ${JSON.stringify(bridge)} counter accept`);
    }
  }
  if (commands.length > 0) runNft(commands.join("\n"));
}

function legacyFilterExists(family: (typeof FAMILIES)[number]): boolean {
  const [names] = LEGACY[family];
  return existsSync(names) && readFileSync(names, "utf8").split("\n").includes("filter");
}

function acceptInLegacy(family: (typeof FAMILIES)[number], bridges: readonly string[]): void {
  if (!legacyFilterExists(family)) return;
  const chain = legacy(family, ["-S", "FORWARD"]);
  if (!chain.split("\n").includes("-P FORWARD DROP")) return;
  for (const bridge of bridges) {
    for (const direction of ["-i", "-o"]) {
      const rule = ["FORWARD", direction, bridge, "-j", "ACCEPT"];
      if (!chain.includes(`-A ${rule.join(" ")}\n`)) legacy(family, ["-I", ...rule]);
    }
  }
}

/** Output of the command; empty when it fails or is missing. */
function legacy(family: (typeof FAMILIES)[number], options: string[]): string {
  const [, command] = LEGACY[family];
  if (Bun.which(command) === null) return "";
  const result = Bun.spawnSync([command, "-w", ...options], { stdout: "pipe", stderr: "ignore" });
  return result.success ? result.stdout.toString() : "";
}
