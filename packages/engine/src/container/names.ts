import { conflict, invalidParameter, newId } from "@berth/base";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** @returns the name without leading slash. @throws invalid-parameter with Docker's sentence. */
export function checkName(name: string): string {
  const bare = name.startsWith("/") ? name.slice(1) : name;
  if (!NAME.test(bare)) {
    throw invalidParameter(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return bare;
}

export function nameInUse(name: string, holder: string): Error {
  return conflict(
    `Conflict. The container name "/${name}" is already in use by container "${holder}". ` +
      "You have to remove (or rename) that container to be able to reuse that name.",
  );
}

const ADJECTIVES =
  "agile amber ample brave breezy bright brisk calm candid cheery chilly clever coastal cosy crisp curious daring deft dreamy eager early earnest easy fair fancy fearless festive fleet fluent fond frank fresh gallant gentle glad golden graceful grand happy hardy hearty helpful honest hopeful humble ideal jolly jovial keen kind lively loyal lucid lucky lunar mellow merry mighty mild modest neat nimble noble patient placid playful polite prompt proud quick quiet radiant rapid ready robust rosy rustic salty serene sharp silent silver sincere smooth snug solar steady still stout sturdy sunny swift tender thrifty tidal tidy tranquil trusty upbeat valiant vivid warm wise witty zesty";
/** People who worked on computing, navigation and the sea. */
const SURNAMES =
  "aiken amundsen anning atanasoff barents barton beaufort bering boole bowditch byron cabot carson celsius chappe church clarke columbus cook cousteau curry dana darwin dijkstra drake earhart earle engelbart erikson euler faraday fermi floyd franklin fulton galilei gauss goldstine hamming harrison hertz heyerdahl hoare hollerith hopper hudson huygens kahn kay kepler kilby knuth lamarr lamport leibniz liskov lorenz lovelace magellan markov marconi maury mccarthy mercator milner moore morse nansen naur neumann newton noether noyce pascal perlis piccard postel ptolemy radia raleigh ritchie ross russell samuel scott shackleton shannon slocum steele stroustrup sutherland tasman thompson thomson torvalds turing vancouver wallis watson wegener weizenbaum wilkes wirth wozniak zuse";
const adjectives = ADJECTIVES.split(" ");
const surnames = SURNAMES.split(" ");

const pick = (words: readonly string[]) => words[Math.floor(Math.random() * words.length)]!;

/** A name such as `calm_hopper` that `isFree` accepts. Gives up on words when too many are taken. */
export function randomName(isFree: (name: string) => boolean): string {
  for (let attempt = 0; attempt < 6; attempt++) {
    const words = `${pick(adjectives)}_${pick(surnames)}`;
    const name = attempt === 0 ? words : words + Math.floor(Math.random() * 10 ** attempt);
    if (isFree(name)) return name;
  }
  return newId().slice(0, 12);
}
