/** The Docker Compose whose commands, output, labels and hashes ours are held to. Programs ask for it. */
export const COMPOSE_VERSION = "2.26.1";

export function composeVersionLine(program: string): string {
  return program === "docker"
    ? `Docker Compose version v${COMPOSE_VERSION}`
    : `Berth Compose version ${process.env.BERTH_VERSION ?? "0.1.0"} (as Docker Compose v${COMPOSE_VERSION})`;
}

/**
 * What `docker-compose WORDS` means to us: flags of the engine's client that docker-compose v1 took anywhere before the
 * command go before `compose`.
 */
export function wordsOfDockerCompose(words: readonly string[]): string[] {
  const before: string[] = [];
  const after: string[] = [];
  const switches = new Set(["--tls", "--tlsverify", "--debug", "-D"]);
  const valued = new Set([
    "-H",
    "--host",
    "-c",
    "--context",
    "--tlscacert",
    "--tlscert",
    "--tlskey",
    "--log-level",
  ]);
  const ours = new Set([
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--profile",
    "--env-file",
    "--project-directory",
  ]);
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-" || word === "--") break;
    const name = word.includes("=") ? word.slice(0, word.indexOf("=")) : word;
    if (name === "--skip-hostname-check") continue;
    if (word === "--verbose") before.push("--debug");
    else if (switches.has(name)) before.push(word);
    else if (valued.has(name)) {
      before.push(word);
      if (name === word && at + 1 < words.length) before.push(words[++at]!);
    } else {
      after.push(word);
      const takesValue = ours.has(name) || ["--ansi", "--progress", "--parallel", "--workdir"].includes(name);
      if (takesValue && name === word && at + 1 < words.length) after.push(words[++at]!);
    }
  }
  return [...before, "compose", ...after, ...words.slice(at)];
}
