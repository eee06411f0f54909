import { CString, dlopen, type Pointer, ptr } from "bun:ffi";
import { systemError } from "@berth/base";

const OUTPUT_JSON = 1 << 4;

/** libnftables(3), opened at the first use: most processes never need it. */
function load() {
  try {
    return dlopen("libnftables.so.1", {
      nft_ctx_new: { args: ["u32"], returns: "ptr" },
      nft_ctx_free: { args: ["ptr"], returns: "void" },
      nft_ctx_buffer_output: { args: ["ptr"], returns: "i32" },
      nft_ctx_buffer_error: { args: ["ptr"], returns: "i32" },
      nft_ctx_output_set_flags: { args: ["ptr", "u32"], returns: "void" },
      nft_ctx_get_output_buffer: { args: ["ptr"], returns: "ptr" },
      nft_ctx_get_error_buffer: { args: ["ptr"], returns: "ptr" },
      nft_run_cmd_from_buffer: { args: ["ptr", "ptr"], returns: "i32" },
    }).symbols;
  } catch (cause) {
    throw systemError("libnftables.so.1 is missing", { hint: "install the package libnftables1", cause });
  }
}

let library: ReturnType<typeof load> | undefined;

/**
 * Runs nft commands (nft(8)) in the network namespace of this thread as one transaction: all of them or none take effect.
 * Gives what list commands print; with `json` in the form of libnftables-json(5).
 * @throws BerthError system with nft's message.
 */
export function runNft(commands: string, options: { json?: boolean } = {}): string {
  library ??= load();
  const { symbols: nft, context } = openContext(library);
  try {
    if (options.json === true) nft.nft_ctx_output_set_flags(context, OUTPUT_JSON);
    const text = new TextEncoder().encode(`${commands}\0`);
    if (nft.nft_run_cmd_from_buffer(context, ptr(text)) !== 0) {
      throw systemError(`nft: ${read(nft.nft_ctx_get_error_buffer(context)).trim()}`);
    }
    return read(nft.nft_ctx_get_output_buffer(context));
  } finally {
    nft.nft_ctx_free(context);
  }
}

/** A context of its own for each call: it holds a netlink socket of the namespace in which it was made. */
function openContext(symbols: ReturnType<typeof load>): {
  symbols: ReturnType<typeof load>;
  context: Pointer;
} {
  const context = symbols.nft_ctx_new(0) as Pointer | null;
  if (context === null) throw systemError("nft: no memory for a context");
  if (symbols.nft_ctx_buffer_output(context) !== 0 || symbols.nft_ctx_buffer_error(context) !== 0) {
    symbols.nft_ctx_free(context);
    throw systemError("nft: no memory for output");
  }
  return { symbols, context };
}

function read(address: Pointer | bigint | null): string {
  return address === null ? "" : new CString(address as Pointer).toString();
}
