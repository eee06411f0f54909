import type { Firewall } from "../firewall/firewall.ts";
import type { Ipam } from "../ipam/ipam.ts";
import type { PortTable } from "../ports/port-table.ts";
import type { NetworkStore } from "./records.ts";
import type { NetworkRegistry } from "./registry.ts";
import type { NetworkSettings } from "./settings.ts";
import type { ZoneFolder } from "./zones.ts";

/** What the parts of the controller work with. Made once in `NetworkController`. */
export interface ControllerContext {
  settings: NetworkSettings;
  store: NetworkStore;
  registry: NetworkRegistry;
  ipam: Ipam;
  ports: PortTable;
  firewall: Firewall;
  zones: ZoneFolder;
}
