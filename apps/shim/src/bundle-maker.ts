import { quietly } from "@berth/base";
import { type Errand, getpid } from "@berth/linux";

/**
 * What a shim has its bundle made by, in another process: most of the work of a start, and of the memory for it, is needed only once.
 * The network's namespace comes while the root filesystem is mounted. The orders are those of `BundleWork`.
 */
export class BundleMaker {
  readonly #another: () => Errand;
  #errand: Errand;

  /** `errand`: nothing of it was told yet; `another`: of a process of its own, should nobody take that one. */
  constructor(errand: Errand, another: () => Errand) {
    this.#errand = errand;
    this.#another = another;
  }

  /** Readable when `answer` need not wait. */
  get descriptor(): number {
    return this.#errand.descriptor;
  }

  /** The shim's folder, and descriptors of its mount namespace and the host's. They stay the caller's. */
  begin(directory: string, mounts: number, hostMounts: number): void {
    if (this.#errand.tell(directory, [mounts, hostMounts])) return;
    // Who would have taken it was killed meanwhile.
    this.#errand[Symbol.dispose]();
    this.#errand = this.#another();
    this.#errand.tell(directory, [mounts, hostMounts]);
  }

  /** Descriptor of the container's network namespace, to be furnished; the OCI runtime finds it here. Undefined: the host's. */
  finish(namespace: number | undefined): void {
    if (namespace === undefined) this.#errand.tell(HOST_NETWORK);
    else this.#errand.tell(`/proc/${getpid()}/fd/${namespace}`, [namespace]);
  }

  /** The OCI runtime's program, when all is made. @throws ErrandError what failed; mounts may be left */
  answer(): string {
    return this.#errand.answer();
  }

  /** Nothing of it is wanted any more. Returns when it is at nothing. */
  giveUp(): void {
    quietly(() => {
      this.#errand.tell(GIVEN_UP);
      this.answer();
    });
  }

  /** Before `begin`: it is not needed. */
  [Symbol.dispose](): void {
    this.#errand[Symbol.dispose]();
  }
}

/** In the place of a path. */
export const HOST_NETWORK = "host";
export const GIVEN_UP = "given up";
