import type { NetworkCreateRequest } from "@berth/api";
import { forbidden, newId, notFound, nowNanoseconds, rfc3339Nano } from "@berth/base";
import type { NetworkRecord } from "./records.ts";
import type { NetworkRegistry } from "./registry.ts";

/*
 * Configuration networks (`docker network create --config-only`): settings under a name, which other networks are made from
 * (`--config-from`). Nothing of them is in the kernel, and they hold no addresses.
 */

/** @throws forbidden with Docker's sentences. */
export function configNetwork(request: NetworkCreateRequest): NetworkRecord {
  if (request.Internal || request.Attachable || request.Ingress || request.Scope !== "") {
    throw forbidden(
      "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
    );
  }
  if ((request.ConfigFrom?.Network ?? "") !== "") {
    throw forbidden("a configuration network cannot depend on another configuration network");
  }
  return {
    id: newId(),
    name: request.Name,
    created: rfc3339Nano(nowNanoseconds()),
    driver: "null",
    predefined: false,
    ipv4: request.EnableIPv4 ?? true,
    ipv6: request.EnableIPv6 ?? false,
    internal: false,
    attachable: false,
    options: request.Options ?? {},
    labels: request.Labels ?? {},
    ipam: {
      Driver: "default",
      Options: request.IPAM?.Options ?? null,
      Config: request.IPAM?.Config ?? [],
    },
    userSubnet: { ipv4: false, ipv6: false },
    configOnly: true,
  };
}

/** The request with what the network that it names says. @throws not-found, forbidden with Docker's sentences. */
export function withConfiguration(
  request: NetworkCreateRequest,
  registry: NetworkRegistry,
): NetworkCreateRequest {
  const name = request.ConfigFrom?.Network ?? "";
  if (name === "") return request;
  const source = registry.byName(name);
  if (source?.configOnly !== true) {
    throw notFound(`configuration network ${JSON.stringify(name)} does not exist`);
  }
  if (Object.keys(request.Options ?? {}).length > 0) {
    throw forbidden(
      "network driver options are not supported if the network depends on a configuration network",
    );
  }
  const own =
    (request.IPAM?.Config ?? []).length > 0 ||
    Object.keys(request.IPAM?.Options ?? {}).length > 0 ||
    Object.keys(request.Labels ?? {}).length > 0 ||
    request.EnableIPv6 === true;
  if (own) {
    throw forbidden(
      "user specified configurations are not supported if the network depends on a configuration network",
    );
  }
  return {
    ...request,
    EnableIPv4: source.ipv4,
    EnableIPv6: source.ipv6,
    IPAM: source.ipam,
    Options: source.options,
    Labels: source.labels,
  };
}

/** @throws forbidden while networks depend on it. */
export function refuseUsedConfiguration(network: NetworkRecord, all: readonly NetworkRecord[]): void {
  if (network.configOnly !== true || !all.some((other) => other.configFrom === network.name)) return;
  throw forbidden(
    `error while removing network: configuration network ${JSON.stringify(network.name)} is in use`,
  );
}
