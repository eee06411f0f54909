import { existsSync, readFileSync } from "node:fs";
import { systemError } from "@berth/base";
import { runNft } from "@berth/linux";

/*
 * The FORWARD chains of the `filter` tables of iptables, as iptables' own commands tell and change them: rules that nft(8)
 * writes into these tables can make them unreadable for iptables, and for the firewalls that use it.
 */

/** A rule's options as `iptables -S` prints them, without `-A FORWARD`. */
export type ForwardRule = readonly string[];

export interface ForwardChain {
  policy: string;
  rules: ForwardRule[];
  /** Inserts the rule at the top, or deletes it. @throws system what iptables says. */
  change(action: "-I" | "-D", rule: ForwardRule): void;
}

const VARIANTS = [
  { command: "iptables-nft", family: "ip" },
  { command: "ip6tables-nft", family: "ip6" },
  { command: "iptables-legacy", names: "/proc/net/ip_tables_names" },
  { command: "ip6tables-legacy", names: "/proc/net/ip6_tables_names" },
] as const;

/** Those of this thread's network namespace that can matter. To ask for one that does not exist would make it. */
export function forwardChains(): ForwardChain[] {
  const chains: ForwardChain[] = [];
  for (const variant of VARIANTS) {
    const { command } = variant;
    if ("family" in variant ? !hasRulesInNft(variant.family) : !isInLegacy(variant.names)) continue;
    if (Bun.which(command) === null) continue;
    const lines = iptables(command, ["-S", "FORWARD"]).split("\n");
    const chain: ForwardChain = {
      policy: "ACCEPT",
      rules: [],
      change: (action, rule) => void iptables(command, [action, "FORWARD", ...rule]),
    };
    for (const line of lines) {
      const [action, , ...rest] = line.split(" ");
      if (action === "-P") chain.policy = rest[0] ?? "ACCEPT";
      else if (action === "-A") chain.rules.push(rest);
    }
    chains.push(chain);
  }
  return chains;
}

/** False also for an empty chain that lets everything through, as many hosts have it: iptables need not be run for that. */
function hasRulesInNft(family: string): boolean {
  try {
    const [, , hook = "", ...rules] = runNft(`list chain ${family} filter FORWARD`).trim().split("\n");
    return !hook.includes("policy accept") || rules.some((line) => !/^\s*\}$/.test(line));
  } catch {
    return false;
  }
}

function isInLegacy(names: string): boolean {
  return existsSync(names) && readFileSync(names, "utf8").split("\n").includes("filter");
}

function iptables(command: string, options: readonly string[]): string {
  const result = Bun.spawnSync([command, "-w", "5", ...options], { stdout: "pipe", stderr: "pipe" });
  if (!result.success) {
    throw systemError(`${command} ${options.join(" ")}: ${result.stderr.toString().trim()}`);
  }
  return result.stdout.toString();
}
