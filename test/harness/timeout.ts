/** Loaded before every test file (bunfig.toml): Bun ends a test after five seconds, and kills what it had started. */
import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(120_000);
