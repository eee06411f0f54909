import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "@berth/base";
import { bcryptPassword } from "@berth/registry/server";

const USAGE = `Usage:  berth registry htpasswd [-c] [-C cost] FILE USER
        berth registry htpasswd -b [-c] [-C cost] FILE USER PASSWORD
        berth registry htpasswd -n[b] [-C cost] USER [PASSWORD]
        berth registry htpasswd -D FILE USER

 -c  Make a new file      -n  Print the line instead
 -b  Password as argument -i  Password from standard input (also without -b)
 -B  bcrypt (always)      -C  Cost, 4 to 17 (default 5)
 -D  Remove the user
`;

/** What `htpasswd -B` of Apache does. @returns the exit status. @throws Error. */
export async function htpasswd(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const flags = new Set<string>();
  const words: string[] = [];
  let cost = 5;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (!/^-[A-Za-z]+$/.test(word)) {
      words.push(word);
      continue;
    }
    for (const flag of word.slice(1)) {
      if (flag === "C") cost = Number(argv[++index]);
      else if ("cbniBD".includes(flag)) flags.add(flag);
      else throw new Error(`only bcrypt is supported: -${flag}\n${USAGE}`);
    }
  }
  if (!(cost >= 4 && cost <= 17)) throw new Error("the cost must be between 4 and 17");
  const file = flags.has("n") ? undefined : words.shift();
  const [user, argument] = words;
  if (user === undefined || (file === undefined && !flags.has("n"))) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (!/^[^:\n]{1,255}$/.test(user)) throw new Error("a user name has no colon and no line break");
  if (flags.has("D")) {
    writeFileAtomic(file!, without(file!, user));
    return 0;
  }
  const password = flags.has("b") ? argument : (await Bun.stdin.text()).replace(/\r?\n$/, "");
  if (password === undefined) throw new Error(`a password is needed\n${USAGE}`);
  const hash = await Bun.password.hash(bcryptPassword(password), { algorithm: "bcrypt", cost });
  const line = `${user}:${hash.replace(/^\$2b\$/, "$2y$")}\n`;
  if (file === undefined) process.stdout.write(`${line}\n`);
  else writeFileAtomic(file, (flags.has("c") ? "" : without(file, user)) + line, 0o644);
  return 0;
}

function without(file: string, user: string): string {
  if (!existsSync(file)) return "";
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith(`${user}:`))
    .map((line) => `${line}\n`)
    .join("");
}
