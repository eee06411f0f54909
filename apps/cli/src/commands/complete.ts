import { atLeast, command } from "../command.ts";
import { candidates, namesFrom } from "../completion/candidates.ts";

export default command({
  names: ["__complete"],
  summary: "What may stand in place of the last word (called by the shells' scripts)",
  usage: "-- WORD [WORD...]",
  arguments: atLeast(0),
  argumentsAreACommand: true,
  flags: {},
  hidden: true,
  async run(context, _flags, words) {
    const found = await candidates(words, namesFrom(context));
    const lines = found.words.map(({ word, about }) => (about === undefined ? word : `${word}\t${about}`));
    if (found.files !== undefined) lines.push(`:${found.files}`);
    await context.stdout.write(lines.map((line) => `${line}\n`).join(""));
  },
});
