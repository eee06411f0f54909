import { CLONE, closeQuietly, getpid, insideNamespace, type Loop, O, open, unshare } from "@berth/linux";
import type { PortSocket, SandboxPlan } from "@berth/network";

/** The container's network namespace as the shim holds it: alive as long as this descriptor or a process in it. */
export class NetworkSandbox {
  readonly #plan: SandboxPlan;
  #namespace = -1;

  constructor(_loop: Loop, plan: unknown, _ports: unknown[], _descriptors: number[]) {
    this.#plan = plan as SandboxPlan;
    if (this.#plan.mode === "none" || this.#plan.mode === "private") {
      const host = open("/proc/thread-self/ns/net", O.RDONLY);
      unshare(CLONE.NEWNET);
      this.#namespace = open("/proc/thread-self/ns/net", O.RDONLY);
      insideNamespace(host, CLONE.NEWNET, () => {});
    }
  }

  /** What the OCI spec's network namespace shall be; undefined: the host's. */
  get path(): string | undefined {
    if (this.#plan.mode === "join") return this.#plan.joinPath;
    return this.#namespace < 0 ? undefined : `/proc/${getpid()}/fd/${this.#namespace}`;
  }

  connect(_plan: unknown): void {}
  disconnect(_endpointId: string): void {}
  updateDns(_plan: unknown): void {}
  close(): void {
    closeQuietly(this.#namespace);
    this.#namespace = -1;
  }
}
export type { PortSocket };
