import { SERVICE } from "./service.ts";
import { flag, list, map, pairs, type Shape, struct, text, textOr, texts } from "./shape.ts";

const NAME = /^[a-zA-Z0-9._-]+$/;
const external: Shape = {
  is: "flag",
  must: "must be a boolean, string or mapping",
};

export const NETWORK = struct(
  {
    name: text(),
    driver: text(),
    driver_opts: map(textOr("number")),
    ipam: struct(
      {
        driver: text(),
        config: list(
          struct({ subnet: text(), gateway: text(), ip_range: text(), aux_addresses: map(text()) }),
        ),
        options: map(text()),
      },
      { always: "empty" },
    ),
    external,
    internal: flag(),
    attachable: flag(),
    labels: pairs(),
    enable_ipv4: flag({ keep: true }),
    enable_ipv6: flag({ keep: true }),
  },
  { nullable: true, must: "must be a mapping or null" },
);

export const VOLUME = struct(
  { name: text(), driver: text(), driver_opts: map(textOr("number")), external, labels: pairs() },
  { nullable: true, must: "must be a mapping or null" },
);

const FILE_OBJECT = {
  name: text(),
  file: text(),
  environment: text(),
  content: text(),
  external,
  labels: pairs(),
  driver: text(),
  driver_opts: map(textOr("number")),
  template_driver: text(),
};
export const SECRET = struct(FILE_OBJECT);
export const CONFIG = struct(FILE_OBJECT);

export const MODEL = struct({
  name: text(),
  model: text(),
  context_size: { is: "integer" },
  runtime_flags: list(text()),
});

/** The top of a file. */
export const PROJECT = struct({
  version: text(),
  name: text(),
  include: list(
    struct(
      { path: texts(), project_directory: text(), env_file: texts() },
      { short: (value) => (typeof value === "string" ? { path: value } : undefined), extensible: false },
    ),
  ),
  services: map(SERVICE, { keys: NAME }),
  networks: map(NETWORK, { keys: NAME }),
  volumes: map(VOLUME, { keys: NAME }),
  secrets: map(SECRET, { keys: NAME }),
  configs: map(CONFIG, { keys: NAME }),
  models: map(MODEL, { keys: NAME }),
});
