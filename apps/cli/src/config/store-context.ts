import { CommandError } from "../errors.ts";
import { writeWhole } from "../io/files.ts";
import { metaFolder, readContextTls, type StoredContext, tlsFolder } from "./context-store.ts";
import type { TlsFiles } from "./context-tls.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

/** @throws CommandError for a name that no stored context can have. */
export function checkContextName(name: string): void {
  if (name === "") throw new CommandError("context name cannot be empty");
  if (name === "default") throw new CommandError('"default" is a reserved context name');
  if (NAME.test(name)) return;
  throw new CommandError(
    `context name "${name}" is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"`,
  );
}

export async function contextExists(folder: string, name: string): Promise<boolean> {
  return Bun.file(`${metaFolder(folder, name)}/meta.json`).exists();
}

/** Stores a context, instead of one of the same name. `tls` undefined: its TLS files stay. */
export async function storeContext(folder: string, stored: StoredContext, tls?: TlsFiles): Promise<void> {
  const { mkdir, rm } = await import("node:fs/promises");
  const meta = metaFolder(folder, stored.Name);
  if (tls !== undefined) {
    const root = tlsFolder(folder, stored.Name);
    await rm(root, { recursive: true, force: true });
    if (tls.size > 0) await mkdir(`${root}/docker`, { recursive: true, mode: 0o700 });
    for (const [name, bytes] of tls) await writeWhole(`${root}/docker/${name}`, [bytes]);
  }
  await mkdir(meta, { recursive: true, mode: 0o755 });
  await writeWhole(`${meta}/meta.json`, [new TextEncoder().encode(contextJson(stored))], 0o644);
}

/** As Docker writes it: Go's encoder escapes `<`, `>` and `&`. */
export function contextJson({ Name, Metadata, Endpoints }: StoredContext): string {
  return JSON.stringify({ Name, Metadata, Endpoints })
    .replaceAll("<", "\\u003c")
    .replaceAll(">", "\\u003e")
    .replaceAll("&", "\\u0026");
}

export async function removeContext(folder: string, name: string): Promise<void> {
  const { rm } = await import("node:fs/promises");
  await rm(metaFolder(folder, name), { recursive: true, force: true });
  await rm(tlsFolder(folder, name), { recursive: true, force: true });
}

/** The TLS files of a stored context. */
export async function storedTls(folder: string, name: string): Promise<TlsFiles> {
  const { ca, cert, key } = await readContextTls(folder, name);
  const files = new Map<string, Uint8Array>();
  for (const [file, text] of Object.entries({ ca, cert, key })) {
    if (text !== undefined) files.set(`${file}.pem`, new TextEncoder().encode(text));
  }
  return files;
}
