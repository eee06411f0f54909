import { atMost, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { string } from "../../flags/types.ts";

export default command({
  names: ["volume update"],
  summary: "Update a volume of a swarm (this daemon has none)",
  usage: "[OPTIONS] [VOLUME]",
  arguments: atMost(1),
  flags: { availability: string("Availability: active, pause, drain", { default: "active" }) },
  completes: ["volume", "none"],
  run() {
    return Promise.reject(new CommandError("can only update cluster volumes"));
  },
});
