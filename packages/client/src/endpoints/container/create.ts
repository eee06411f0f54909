import type { ContainerCreateRequest, ContainerCreateResponse } from "@berth/api";
import type { ApiRequest, Client } from "../../client.ts";
import type { Body } from "../body.ts";

export interface ContainerCreateOptions {
  name?: string;
  /** `linux/amd64` */
  platform?: string;
  signal?: AbortSignal;
}

/** POST /containers/create. `body` may be a function of the API version that is spoken. */
export function containerCreate(
  client: Client,
  body: Body<ContainerCreateRequest> | ((version: string) => Body<ContainerCreateRequest>),
  options: ContainerCreateOptions = {},
): Promise<ContainerCreateResponse> {
  return client.json(createRequest(body, options));
}

export function createRequest(
  body: Body<ContainerCreateRequest> | ((version: string) => Body<ContainerCreateRequest>),
  options: ContainerCreateOptions,
): ApiRequest {
  return {
    method: "POST",
    path: "/containers/create",
    query: {
      ...(options.name && { name: options.name }),
      ...(options.platform && { platform: options.platform }),
    },
    json: body,
    signal: options.signal,
  };
}
