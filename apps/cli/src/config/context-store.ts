import { CommandError } from "../errors.ts";

/** `contexts/meta/<sha256 of the name>/meta.json`, as Docker writes it. */
export interface StoredContext {
  Name: string;
  Metadata: { Description?: string; [key: string]: unknown };
  Endpoints: { docker?: { Host?: string; SkipTLSVerify?: boolean }; [key: string]: unknown };
}

export const contextId = (name: string): string => new Bun.CryptoHasher("sha256").update(name).digest("hex");

export const metaFolder = (folder: string, name: string): string =>
  `${folder}/contexts/meta/${contextId(name)}`;
export const tlsFolder = (folder: string, name: string): string =>
  `${folder}/contexts/tls/${contextId(name)}`;

/** @throws CommandError in Docker's words when there is none of this name. */
export async function readContext(folder: string, name: string): Promise<StoredContext> {
  const path = `${metaFolder(folder, name)}/meta.json`;
  let text: string;
  try {
    text = await Bun.file(path).text();
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw new CommandError(`context "${name}": context not found: open ${path}: no such file or directory`);
  }
  return parse(text, path);
}

function parse(text: string, path: string): StoredContext {
  try {
    const value = JSON.parse(text) as StoredContext;
    if (typeof value?.Name !== "string") throw new Error("it has no name");
    return { ...value, Metadata: value.Metadata ?? {}, Endpoints: value.Endpoints ?? {} };
  } catch (error) {
    throw new CommandError(`parsing ${path}: ${(error as Error).message}`);
  }
}

/** Every stored context, by name. */
export async function listContexts(folder: string): Promise<StoredContext[]> {
  const { readdir } = await import("node:fs/promises");
  const root = `${folder}/contexts/meta`;
  const found: StoredContext[] = [];
  for (const id of await readdir(root).catch(() => [])) {
    const file = Bun.file(`${root}/${id}/meta.json`);
    if (await file.exists()) found.push(parse(await file.text(), `${root}/${id}/meta.json`));
  }
  return found.sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

/** `ca.pem`, `cert.pem`, `key.pem` of a context's endpoint, those that there are. */
export async function readContextTls(
  folder: string,
  name: string,
): Promise<{ ca?: string; cert?: string; key?: string }> {
  const files: Record<string, string> = {};
  for (const file of ["ca", "cert", "key"]) {
    const found = Bun.file(`${tlsFolder(folder, name)}/docker/${file}.pem`);
    if (await found.exists()) files[file] = await found.text();
  }
  return files;
}
