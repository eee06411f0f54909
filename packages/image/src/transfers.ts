import { cpus } from "node:os";
import type { Digest } from "@berth/base";
import { createRegistryClient, type RegistryClient, Slots } from "@berth/registry";
import type { LayerBlob } from "./catalog/catalog.ts";
import type { LayerNews } from "./pull/layer.ts";
import { SharedWork } from "./pull/shared-work.ts";
import type { Stage } from "./pull/stages.ts";

/** `max-concurrent-downloads`, `max-concurrent-uploads`, `max-download-attempts`. */
export interface TransferLimits {
  downloads: number;
  uploads: number;
  attempts: number;
}

/** What all pulls and pushes of a daemon have in common. */
export interface Transfers {
  registry: RegistryClient;
  downloads: Slots;
  uploads: Slots;
  /** Layers that are unpacked at once. */
  unpacking: Slots;
  attempts(): number;
  /** By chain id. */
  layers: SharedWork<LayerBlob, LayerNews>;
  /** Layers that are being unpacked, by chain id. */
  stages: Map<Digest, Stage>;
}

const DEFAULTS: TransferLimits = { downloads: 3, uploads: 5, attempts: 5 };

/** Asked each time, because a reload changes them. */
export function openTransfers(
  registry: RegistryClient = createRegistryClient(() => ({
    mirrors: [],
    insecure: [],
    certificates: [],
    userAgent: "berth",
    attempts: DEFAULTS.attempts,
  })),
  limits: () => TransferLimits = () => DEFAULTS,
): Transfers {
  return {
    registry,
    downloads: new Slots(() => limits().downloads),
    uploads: new Slots(() => limits().uploads),
    unpacking: new Slots(() => Math.max(2, cpus().length)),
    attempts: () => limits().attempts,
    layers: new SharedWork(),
    stages: new Map(),
  };
}
