/** Replaces what may differ between two runs of the same command (ids, times, addresses) by names for it. */

export interface Surroundings {
  /** The working folder of the scenario. */
  work: string;
  /** The daemon's folder. */
  directory: string;
  /** Second number of its 10.N.0.0/16. */
  block: number;
  ports: readonly number[];
  hostAddress: string;
}

const HEX64 = /\b[0-9a-f]{64}\b/g;
const MONTHS = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";

/**
 * Keeps the ids of one scenario on one engine apart: the first to be seen is `<id1>`, and so on. Ids that both engines must agree
 * on (of loaded images) are given at the start, and stay as they are.
 */
export class Normaliser {
  private readonly ids = new Map<string, string>();
  private readonly networks: string[] = [];
  private readonly surroundings: Surroundings;

  constructor(surroundings: Surroundings, constant: Readonly<Record<string, string>> = {}) {
    this.surroundings = surroundings;
    for (const [id, name] of Object.entries(constant)) this.ids.set(id, name);
  }

  private nameOf(id: string): string {
    let name = this.ids.get(id);
    if (name === undefined) {
      name = `<id${[...this.ids.values()].filter((one) => /^<id\d/.test(one)).length + 1}>`;
      this.ids.set(id, name);
    }
    return name;
  }

  /** Which block of the pool a network gets depends on those before it; the first to be seen is N1. */
  private networkName(third: string): string {
    if (Number(third) < 128) return third;
    const at = this.networks.indexOf(third);
    return `N${at >= 0 ? at + 1 : this.networks.push(third)}`;
  }

  private shortIds(text: string): string {
    return text.replace(/(?<![\w/.-])[0-9a-f]{12}(?![\w-])/g, (short) => {
      for (const [id, name] of this.ids) if (id.startsWith(short)) return `${name.slice(0, -1)}:12>`;
      return /[a-f]/.test(short) ? "<id:12>" : short;
    });
  }

  text(raw: string): string {
    const { work, directory, block, ports, hostAddress } = this.surroundings;
    let text = raw.replaceAll("\r\n", "\\r\n").replaceAll(work, "<work>").replaceAll(directory, "<daemon>");
    for (const [index, port] of ports.entries())
      text = text.replaceAll(new RegExp(`\\b${port}\\b`, "g"), `<P${index + 1}>`);
    text = text.replace(HEX64, (id) => this.nameOf(id));
    text = this.shortIds(text);
    text = text
      .replaceAll(hostAddress, "<host address>")
      .replaceAll(
        new RegExp(`\\b10\\.${block}\\.(\\d+)\\.(\\d+)`, "g"),
        (_all, network: string, last: string) => {
          return `10.B.${this.networkName(network)}.${last}`;
        },
      )
      .replaceAll(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, "<mac>")
      .replaceAll(/\b2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "<time>")
      .replaceAll(/\b2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z]+\b/g, "<time>")
      .replaceAll(new RegExp(`\\b${MONTHS}\\s+\\d+\\s+\\d\\d:\\d\\d\\b`, "g"), "<time>")
      .replaceAll(/\b\d\d:\d\d:\d\d\b/g, "<time>")
      .replaceAll(/\b1[6-9]\d{8}(\.\d+)?\b/g, "<unix time>")
      .replaceAll(/\b1[6-9]\d{17}\b/g, "<unix nanoseconds>")
      .replaceAll(
        /\b(Up|Created) (Less than a second|About a minute|\d+ (?:second|minute)s?)\b/g,
        "$1 <duration>",
      )
      .replaceAll(/\b(Less than a second|About a minute|\d+ (?:second|minute)s?) ago\b/g, "<duration> ago")
      .replaceAll(/("(?:Pid|ContainerPid)": )[1-9]\d*/g, "$1<pid>")
      .replaceAll(/(?<=:|PublicPort": |HostPort": ?")(?:3[2-9]|4\d|5\d|60)\d{3}(?!\d)/g, "<random port>")
      .replaceAll(/\bafter \d+ ms\b/g, "after <duration>")
      .replaceAll(/ {2,}/g, "  ");
    return text.replace(/[ \t]+$/gm, "");
  }
}
