import type { VolumeCreateRequest } from "../types/volume.ts";
import { type Decoder, map, optional, string, struct } from "./decoder.ts";

/** POST /volumes/create. */
export const volumeCreateDecoder: Decoder<VolumeCreateRequest> = struct<VolumeCreateRequest>(
  "volume.CreateOptions",
  {
    Name: string,
    Driver: string,
    DriverOpts: map(string),
    Labels: map(string),
    ClusterVolumeSpec: optional(struct<object>("ClusterVolumeSpec", {})),
  },
);
