import { log } from "@berth/base";
import { type ForwardChain, type ForwardRule, forwardChains } from "./iptables.ts";

/*
 * Other software's packet filter may drop or reject what it does not know in iptables' FORWARD chain: Docker sets its policy to
 * DROP, and so does ufw. What our table accepts must pass there too, so our bridges get rules at its top; our own table still
 * decides about them. A chain that only Docker closed is opened for all of the bridges' traffic. One that a firewall of the
 * host closed stays its own: containers reach out and get their answers, but who comes from outside to a published port needs
 * a rule of that firewall (`ufw route allow`), unless the daemon was told to bypass it.
 */

/** The host's firewall decides about published ports; undefined: nothing is in the way, or only what Docker left. */
export interface HostFirewall {
  /** What it is told by, for the log: `ufw`, else `iptables`. */
  name: "ufw" | "iptables";
}

const ESTABLISHED = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"];

function wantedRules(bridge: string, open: boolean): ForwardRule[] {
  return [
    ["-i", bridge, "-j", "ACCEPT"],
    ["-o", bridge, ...(open ? [] : ESTABLISHED), "-j", "ACCEPT"],
  ];
}

/** All that `wantedRules` can give for a bridge: what of it is there was put there by us. */
function possibleRules(bridge: string): ForwardRule[] {
  return [...wantedRules(bridge, true), ...wantedRules(bridge, false).slice(1)];
}

/** True for a chain that lets through what no rule names. */
function isOpen(chain: ForwardChain): boolean {
  return (
    chain.policy === "ACCEPT" && !chain.rules.some((rule) => /^(DROP|REJECT|ufw-.*)$/.test(target(rule)))
  );
}

function target(rule: ForwardRule): string {
  return rule[rule.indexOf("-j") + 1] ?? "";
}

function closedBy(chain: ForwardChain): HostFirewall | undefined {
  const targets = chain.rules.map(target);
  if (targets.some((each) => each.startsWith("ufw-"))) return { name: "ufw" };
  return targets.some((each) => each.startsWith("DOCKER")) ? undefined : { name: "iptables" };
}

/**
 * Brings the rules of the bridges in the host's packet filter to what they should be. `bypass`: also where a firewall of the
 * host closed it. Gives that firewall, when there is one and it is not bypassed. Failures are logged: the filter may be anything.
 */
export function passForeignFilters(bridges: readonly string[], bypass: boolean): HostFirewall | undefined {
  let firewall: HostFirewall | undefined;
  if (bridges.length === 0) return undefined;
  try {
    for (const chain of forwardChains()) {
      const closed = !isOpen(chain);
      const keeper = closed && !bypass ? closedBy(chain) : undefined;
      firewall ??= keeper;
      for (const bridge of bridges) {
        bring(chain, closed ? wantedRules(bridge, keeper === undefined) : [], possibleRules(bridge));
      }
    }
  } catch (error) {
    log.warn("cannot let containers' traffic pass the host's packet filter", {
      cause: error instanceof Error ? error : String(error),
    });
  }
  return firewall;
}

/** Takes the rules of a bridge out again. */
export function forgetInForeignFilters(bridge: string): void {
  try {
    for (const chain of forwardChains()) bring(chain, [], possibleRules(bridge));
  } catch (error) {
    log.debug("cannot remove rules from the host's packet filter", { error });
  }
}

function bring(chain: ForwardChain, wanted: readonly ForwardRule[], possible: readonly ForwardRule[]): void {
  const texts = (rules: readonly ForwardRule[]) => new Set(rules.map((rule) => rule.join(" ")));
  const present = texts(chain.rules);
  const keep = texts(wanted);
  for (const rule of wanted) if (!present.has(rule.join(" "))) chain.change("-I", rule);
  for (const rule of possible) {
    const text = rule.join(" ");
    if (present.has(text) && !keep.has(text)) chain.change("-D", rule);
  }
}
