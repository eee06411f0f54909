import { containerRemove, containerStart } from "@berth/client";
import {
  ContainerIndex,
  createOneOff,
  ensureImages,
  observeProject,
  oneOffName,
  orphansOf,
  refuseUnsupported,
  up,
  warnOfOrphans,
  withDependencies,
} from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { composeEngine, targetOf } from "../../compose/engine.ts";
import { loadComposeProject } from "../../compose/project.ts";
import { overriddenService } from "../../compose/run-service.ts";
import { asFlags } from "../../compose/select.ts";
import { orphansAreRemoved } from "../../compose/up-flags.ts";
import { resolveEnvironment } from "../../container-options/key-values.ts";
import { CommandError } from "../../errors.ts";
import { bool, list, string } from "../../flags/types.ts";
import start from "../container/start.ts";

export default command({
  names: ["compose run"],
  summary: "Run a one-off command on a service",
  usage: "[OPTIONS] SERVICE [COMMAND] [ARGS...]",
  arguments: atLeast(1),
  argumentsAreACommand: true,
  flags: {
    build: bool("Build the image before"),
    "cap-add": list("Add a Linux capability"),
    "cap-drop": list("Drop a Linux capability"),
    detach: bool("Run in the background and print the container's id", { shorthand: "d" }),
    entrypoint: string("Instead of the image's entrypoint"),
    env: list("Environment variable: NAME=value, or NAME to pass ours", {
      shorthand: "e",
      type: "stringArray",
      check: (text) => resolveEnvironment(text, process.env),
    }),
    interactive: bool("Connect stdin", { shorthand: "i", default: true }),
    label: list("Add a label", { shorthand: "l", type: "stringArray" }),
    name: string("Name of the container"),
    "no-TTY": bool("Give it no terminal", { shorthand: "T" }),
    "no-deps": bool("Do not start services that it depends on"),
    publish: list("Publish a port", { shorthand: "p", type: "stringArray" }),
    "quiet-pull": bool("Pull without telling progress"),
    "remove-orphans": bool("Remove containers of services that the file no longer has"),
    rm: bool("Remove the container when it has ended"),
    "service-ports": bool("Publish the service's ports", { shorthand: "P" }),
    tty: bool("Give it a terminal", { shorthand: "t", hidden: true }),
    "use-aliases": bool("Reachable under the service's names"),
    user: string("Run as this user", { shorthand: "u" }),
    volume: list("Mount a folder or a volume", { shorthand: "v", type: "stringArray" }),
    workdir: string("Working folder", { shorthand: "w" }),
  },
  async run(context, { values, given }, [name = "", ...words]) {
    if (values.publish.length > 0 && values["service-ports"]) {
      throw new CommandError("--service-ports and --publish are incompatible");
    }
    const loaded = await loadComposeProject(context, { services: [name] });
    const isTerminal = (await context.isTerminal(0)) && (await context.isTerminal(1));
    const tty = given("tty") ? values.tty && isTerminal : !values["no-TTY"] && !values.detach && isTerminal;
    const service = overriddenService(loaded, name, {
      command: words,
      entrypoint: given("entrypoint") ? values.entrypoint : undefined,
      environment: values.env,
      labels: values.label,
      user: values.user,
      workdir: values.workdir,
      volumes: values.volume,
      publish: values.publish,
      servicePorts: values["service-ports"],
      capAdd: values["cap-add"],
      capDrop: values["cap-drop"],
      tty,
      stdin: values.interactive,
      remove: values.rm,
    });
    refuseUnsupported(service);
    // It shall not wait for them either when the daemon starts it again.
    if (values["no-deps"]) delete service.depends_on;
    const removeOrphans = orphansAreRemoved(context, values["remove-orphans"]);
    const engine = await composeEngine(context);
    const target = targetOf(loaded);
    const { client, separator } = engine;
    let id: string;
    const containerName = values.name || oneOffName(loaded.project, service, separator);
    try {
      const others = withDependencies(loaded.project.services, [name], { dependencies: !values["no-deps"] });
      others.delete(name);
      if (others.size > 0) {
        await up(engine, target, {
          services: [...others],
          dependencies: true,
          recreate: "diverged",
          recreateDependencies: "diverged",
          quietPull: values["quiet-pull"],
          renewAnonymousVolumes: false,
          removeOrphans,
          start: true,
          wait: false,
          scale: new Map(),
          scaleDown: false,
          disabled: target.disabled,
        });
      }
      const images = await ensureImages(engine, target, [service], {
        separator,
        quietPull: values["quiet-pull"],
        ...(values.build && { build: true }),
      });
      const observed = await observeProject(client, loaded.project.name);
      const orphans = orphansOf(target, observed, target.disabled);
      if (others.size === 0 && !removeOrphans) warnOfOrphans(engine, orphans);
      if (engine.dryRun !== undefined) {
        await engine.dryRun(`create container ${containerName}\nstart container ${containerName}\n`);
        return 0;
      }
      id = await createOneOff(engine, target, service, {
        name: containerName,
        observed,
        index: new ContainerIndex(observed.containers),
        images,
        useAliases: values["use-aliases"],
        attachStdin: values.interactive && !values.detach,
        autoRemove: values.rm && values.detach,
        waitForDependencies: others.size > 0,
      });
    } finally {
      await engine.progress.end();
    }
    if (values.detach) {
      await containerStart(client, id);
      await context.stdout.write(`${id}\n`);
      return 0;
    }
    try {
      return await start.run(
        context,
        asFlags({
          attach: true,
          interactive: values.interactive,
          "detach-keys": "",
          checkpoint: "",
          "checkpoint-dir": "",
        }),
        [id],
      );
    } finally {
      if (values.rm) await containerRemove(client, id, { force: true, volumes: true }).catch(() => {});
    }
  },
});
