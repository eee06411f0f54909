import type { NetworkCreateRequest, NetworkCreateResponse } from "@berth/api";
import type { Client } from "../../client.ts";
import { versionLessThan } from "../../version.ts";
import type { Body } from "../body.ts";

/** POST /networks/create */
export function networkCreate(
  client: Client,
  request: Body<NetworkCreateRequest>,
  options: { signal?: AbortSignal } = {},
): Promise<NetworkCreateResponse> {
  return client.json({
    method: "POST",
    path: "/networks/create",
    // Below API 1.44 a daemon accepts a second network of the same name unless told not to.
    json: (version: string) =>
      versionLessThan(version, "1.44") ? { CheckDuplicate: true, ...request } : request,
    signal: options.signal,
  });
}
