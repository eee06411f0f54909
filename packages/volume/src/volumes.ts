import { mkdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type {
  Filters,
  Volume,
  VolumeCreateRequest,
  VolumeListResponse,
  VolumesPruneReport,
} from "@berth/api";
import { conflict, invalidParameter, log, newId, notFound } from "@berth/base";
import { folderSize } from "./folder-size.ts";
import { mountOfOptions, type VolumeMount, validateVolumeName, validateVolumeOptions } from "./options.ts";
import { ANONYMOUS_LABEL, type VolumeRecord } from "./record.ts";
import { References } from "./references.ts";

/** Where volumes are remembered. Every call is one committed change, or part of the caller's transaction. */
export interface VolumeStore {
  all(): VolumeRecord[];
  put(record: VolumeRecord): void;
  delete(name: string): void;
}

export type VolumeAction = "create" | "destroy" | "prune";

export interface VolumesOptions {
  /** `<data-root>/volumes`: each volume is `<name>/_data` below. */
  directory: string;
  store: VolumeStore;
  /** Called after something happened, with the attributes of Docker's event. */
  onEvent: (action: VolumeAction, name: string, attributes: Record<string, string>) => void;
}

export interface VolumeRequest {
  /** Empty: anonymous. */
  name: string;
  /** Empty: local. */
  driver: string;
  options: Record<string, string> | null;
  labels: Record<string, string> | null;
}

/** A volume as a container uses it. */
export interface VolumeUse {
  name: string;
  driver: string;
  /** `_data` on the host; for a volume with options only the path that inspect shows. */
  path: string;
  /** Present: to be mounted in the container's mount namespace instead of binding `path`. */
  mount: VolumeMount | undefined;
}

/**
 * Volumes of the local driver, and the volume router's backend.
 * A volume without options is the folder `_data`; one with options (`type`, `device`, `o`) is mounted where a container is.
 */
export class Volumes {
  readonly #directory: string;
  readonly #store: VolumeStore;
  readonly #onEvent: VolumesOptions["onEvent"];
  readonly #records = new Map<string, VolumeRecord>();
  readonly #references = new References();

  constructor(options: VolumesOptions) {
    this.#directory = options.directory;
    this.#store = options.store;
    this.#onEvent = options.onEvent;
    for (const record of options.store.all()) this.#records.set(record.name, record);
  }

  /** Finishes removals that a killed daemon had begun. */
  async restore(): Promise<void> {
    for (const record of this.#records.values()) if (record.removing) await this.#delete(record);
  }

  /** What `ensure` would refuse. @throws invalid-parameter, not-found, conflict with Docker's sentences. */
  check({ name, driver, options }: VolumeRequest): void {
    if (driver !== "" && driver !== "local") {
      throw notFound(
        `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
      );
    }
    if (name !== "") validateVolumeName(name);
    const existing = this.#records.get(name);
    if (existing?.removing) throw conflict(`create ${name}: volume is being removed`);
    if (existing === undefined && options) validateVolumeOptions(name, options);
  }

  /**
   * Makes a volume, or gives the one of that name. Synchronous, so that a caller may put it into its transaction;
   * when that is rolled back, the caller calls `undo` for what was created.
   * @throws as `check`.
   */
  ensure(request: VolumeRequest): VolumeUse & { created: boolean } {
    this.check(request);
    const anonymous = request.name === "";
    const name = anonymous ? newId() : request.name;
    const existing = this.#records.get(name);
    if (existing !== undefined) return { ...this.#use(existing), created: false };
    const record: VolumeRecord = {
      name,
      driver: "local",
      options: request.options,
      labels: anonymous ? { ...request.labels, [ANONYMOUS_LABEL]: "" } : request.labels,
      createdAt: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      removing: false,
    };
    this.#store.put(record);
    this.#records.set(name, record);
    try {
      this.#makeFolder(name);
    } catch (error) {
      this.#store.delete(name);
      this.#records.delete(name);
      throw error;
    }
    this.#onEvent("create", name, { driver: "local" });
    return { ...this.#use(record), created: true };
  }

  /** Forgets a volume whose transaction was rolled back. */
  undo(name: string): void {
    this.#records.delete(name);
    rmSync(join(this.#directory, name), { recursive: true, force: true });
  }

  /** The volume for a start. Its folder is made again when it is missing. @throws not-found. */
  use(name: string): VolumeUse {
    const record = this.#get(name);
    this.#makeFolder(name);
    return this.#use(record);
  }

  has(name: string): boolean {
    return this.#records.get(name)?.removing === false;
  }

  /** A container holds the volume from its creation to its removal. */
  acquire(name: string, container: string): void {
    this.#references.add(name, container);
  }

  release(name: string, container: string): void {
    this.#references.remove(name, container);
  }

  async list(filters: Filters): Promise<VolumeListResponse> {
    const dangling = filters.has("dangling") ? filters.boolean("dangling", false) : undefined;
    const found = [...this.#records.values()].filter(
      (record) =>
        !record.removing &&
        (dangling === undefined || (this.#references.of(record.name).length === 0) === dangling) &&
        filters.exact("driver", record.driver) &&
        filters.pattern("name", record.name) &&
        filters.labels("label", record.labels),
    );
    return { Volumes: found.map((record) => this.#show(record)), Warnings: null };
  }

  async inspect(name: string): Promise<Volume> {
    return this.#show(this.#get(name));
  }

  async create(request: VolumeCreateRequest): Promise<Volume> {
    const { name } = this.ensure({
      name: request.Name,
      driver: request.Driver,
      options: request.DriverOpts,
      labels: request.Labels,
    });
    return this.#show(this.#get(name));
  }

  async remove(name: string, options: { force: boolean }): Promise<void> {
    let record: VolumeRecord;
    try {
      record = this.#get(name);
    } catch (error) {
      // Forced, a volume that is not there is a volume removed.
      if (options.force) return;
      throw error;
    }
    const users = this.#references.of(name);
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(", ")}]`);
    await this.#delete(record);
    this.#onEvent("destroy", name, { driver: record.driver });
  }

  async prune(filters: Filters, signal: AbortSignal): Promise<VolumesPruneReport> {
    const all = filters.boolean("all", false);
    const report: VolumesPruneReport = { VolumesDeleted: [], SpaceReclaimed: 0 };
    for (const record of [...this.#records.values()]) {
      if (signal.aborted) break;
      const anonymous = record.labels !== null && Object.hasOwn(record.labels, ANONYMOUS_LABEL);
      const excluded = filters.has("label!") && filters.labels("label!", record.labels);
      // A volume with options is somebody else's data (NFS, a device): it is only removed by name.
      const foreign = Object.keys(record.options ?? {}).length > 0;
      if (record.removing || foreign || excluded || (!all && !anonymous)) continue;
      if (!filters.labels("label", record.labels) || this.#references.of(record.name).length > 0) continue;
      const size = await folderSize(this.path(record.name));
      if (this.#references.of(record.name).length > 0) continue;
      await this.#delete(record);
      this.#onEvent("destroy", record.name, { driver: record.driver });
      report.VolumesDeleted.push(record.name);
      report.SpaceReclaimed += size;
    }
    this.#onEvent("prune", "", { reclaimed: String(report.SpaceReclaimed) });
    return report;
  }

  /** Volumes with their sizes and how many containers use them (GET /system/df). */
  async usage(signal: AbortSignal): Promise<Volume[]> {
    const shown: Volume[] = [];
    for (const record of this.#records.values()) {
      if (signal.aborted) throw signal.reason;
      if (record.removing) continue;
      const foreign = mountOfOptions(record.options) !== undefined;
      shown.push({
        ...this.#show(record),
        UsageData: {
          RefCount: this.#references.of(record.name).length,
          Size: foreign ? -1 : await folderSize(this.path(record.name)),
        },
      });
    }
    return shown;
  }

  path(name: string): string {
    return join(this.#directory, name, "_data");
  }

  #get(name: string): VolumeRecord {
    if (name === "") throw invalidParameter("volume name cannot be empty");
    const record = this.#records.get(name);
    if (record === undefined || record.removing) throw notFound(`get ${name}: no such volume`);
    return record;
  }

  #use(record: VolumeRecord): VolumeUse {
    return {
      name: record.name,
      driver: record.driver,
      path: this.path(record.name),
      mount: mountOfOptions(record.options),
    };
  }

  #show(record: VolumeRecord): Volume {
    return {
      CreatedAt: record.createdAt,
      Driver: record.driver,
      Labels: record.labels,
      Mountpoint: this.path(record.name),
      Name: record.name,
      Options: record.options,
      Scope: "local",
    };
  }

  #makeFolder(name: string): void {
    mkdirSync(join(this.#directory, name), { recursive: true, mode: 0o701 });
    mkdirSync(this.path(name), { recursive: true, mode: 0o755 });
  }

  /** The intent is stored first: a removal that was cut off is finished by `restore`. */
  async #delete(record: VolumeRecord): Promise<void> {
    if (!record.removing) {
      record.removing = true;
      this.#store.put(record);
    }
    try {
      await rm(join(this.#directory, record.name), { recursive: true, force: true });
    } catch (error) {
      log.error("cannot remove a volume's files", { volume: record.name, error });
      record.removing = false;
      this.#store.put(record);
      throw error;
    }
    this.#store.delete(record.name);
    this.#records.delete(record.name);
  }
}
