import { Loop } from "@berth/linux";
import { ensureBridge } from "../bridge/bridge.ts";
import { parseQuery, TYPE, writeName } from "../dns/message.ts";
import { DnsServer } from "../dns/server.ts";
import type { EndpointPlan } from "../sandbox-plan.ts";
import { createSandbox } from "./sandbox.ts";

const BRIDGE = "warm0";

/**
 * Does once in the shim-server what each shim does, so that forked shims share the loaded code and laid-out memory. It must be in a
 * network namespace that nobody else sees. The answer: how a container there is connected.
 */
export function warmUpNetwork(): EndpointPlan {
  ensureBridge({
    name: BRIDGE,
    mtu: 1500,
    mac: "02:42:00:00:00:01",
    addresses: ["192.0.2.1/24"],
    routeLoopback: false,
  });
  const endpoint: EndpointPlan = {
    networkId: "",
    endpointId: "",
    driver: "bridge",
    bridge: BRIDGE,
    hostInterface: "warm1",
    containerInterface: "eth0",
    mac: "02:42:c0:00:02:02",
    mtu: 1500,
    addresses: ["192.0.2.2/24"],
    gateways: ["192.0.2.1"],
    isolated: false,
  };
  using loop = new Loop();
  using sandbox = createSandbox({ mode: "private", endpoints: [] });
  const plan = { zoneFiles: ["/dev/null/zone"], upstreams: ["192.0.2.53"], search: [], options: ["ndots:0"] };
  const server = new DnsServer(loop, sandbox, plan);
  try {
    const name = writeName("name") ?? new Uint8Array(1);
    const question = Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, TYPE.A, 0, 1);
    if (typeof parseQuery(question) === "object") server.answer(question, false, () => {});
  } finally {
    server.stop();
  }
  return endpoint;
}
