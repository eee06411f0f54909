import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { truthy } from "./flags.ts";

/**
 * Compose's own variables (`COMPOSE_…`) that stand in the project's file of variables. What is wrong with the file is told
 * when the project is loaded.
 */
export async function composeVariables(
  where: { files: readonly string[]; envFiles: readonly string[]; projectDirectory: string },
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const [first] = where.files;
  const folder = where.projectDirectory || (first === undefined || first === "-" ? "." : dirname(first));
  const standard = truthy(environment.COMPOSE_DISABLE_ENV_FILE) ? [] : [join(folder, ".env")];
  const named = environment.COMPOSE_ENV_FILES;
  const files = where.envFiles.length > 0 ? where.envFiles : named ? named.split(",") : standard;
  const found: Record<string, string> = {};
  for (const file of files.filter((path) => existsSync(path))) {
    try {
      const { parseDotenv, readBounded } = await import("@berth/compose");
      const text = readBounded(file);
      if (!text.includes("COMPOSE_")) continue;
      const values = parseDotenv(text, (name) => environment[name] ?? found[name]);
      for (const [name, value] of Object.entries(values))
        if (name.startsWith("COMPOSE_")) found[name] = value;
    } catch {
      // Told by the one who reads all of it.
    }
  }
  return found;
}
