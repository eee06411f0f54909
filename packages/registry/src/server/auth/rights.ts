import type { Access, Action } from "./access.ts";

/**
 * Who may do what:
 *
 *   groups:
 *     developers: [ann, bob]
 *   rules:
 *     - repositories: ["team/**"]
 *       groups: [developers]
 *       actions: [pull, push]
 *     - repositories: ["**"]
 *       anonymous: true
 *       actions: [pull]
 *
 * What no rule allows is denied. In a pattern `*` is anything but a slash, `**` anything. `users: ["*"]` is everybody who
 * has a name. `push` does not include `pull`. The list of repositories shows what its reader may pull.
 */
export interface Rights {
  allows(user: string, access: Access): boolean;
  /** Whether some rule is for people without a name. */
  readonly hasAnonymous: boolean;
}

/** Without a file: everybody with a name may do everything. */
export const USERS_MAY_ALL: Rights = { allows: (user) => user !== "", hasAnonymous: false };

interface Rule {
  patterns: RegExp[];
  users: ReadonlySet<string>;
  everybodyNamed: boolean;
  anonymous: boolean;
  actions: ReadonlySet<Action>;
}

/** @param text YAML or JSON. @throws Error that names what is wrong. */
export function parseRights(text: string): Rights {
  const document = mapOf(Bun.YAML.parse(text), "the file", ["groups", "rules"]);
  const groups = new Map<string, string[]>();
  for (const [name, members] of Object.entries(mapOf(document.groups ?? {}, "groups")))
    groups.set(name, texts(members, `groups.${name}`));
  if (!Array.isArray(document.rules)) throw new Error("rules is not a list");
  const rules = document.rules.map((each, index) => parseRule(each, `rules[${index}]`, groups));
  return {
    hasAnonymous: rules.some(({ anonymous }) => anonymous),
    allows(user, access) {
      // Who may see nothing gets an empty list.
      if (access.type === "registry") return user !== "" || this.hasAnonymous;
      return rules.some(
        (rule) =>
          rule.actions.has(access.action) &&
          (rule.anonymous || (user !== "" && (rule.everybodyNamed || rule.users.has(user)))) &&
          rule.patterns.some((pattern) => pattern.test(access.name)),
      );
    },
  };
}

function parseRule(value: unknown, where: string, groups: ReadonlyMap<string, string[]>): Rule {
  const rule = mapOf(value, where, ["repositories", "users", "groups", "anonymous", "actions"]);
  const users = texts(rule.users ?? [], `${where}.users`);
  for (const name of texts(rule.groups ?? [], `${where}.groups`)) {
    const members = groups.get(name);
    if (members === undefined) throw new Error(`${where}.groups: there is no group ${name}`);
    users.push(...members);
  }
  const anonymous = rule.anonymous ?? false;
  if (typeof anonymous !== "boolean") throw new Error(`${where}.anonymous is not true or false`);
  const actions = texts(rule.actions, `${where}.actions`);
  const known = actions.flatMap((action): Action[] => {
    if (action === "*") return ["pull", "push", "delete"];
    if (action === "pull" || action === "push" || action === "delete") return [action];
    throw new Error(`${where}.actions: ${action} is not pull, push, delete or *`);
  });
  return {
    patterns: texts(rule.repositories, `${where}.repositories`).map(patternOf),
    users: new Set(users),
    everybodyNamed: users.includes("*"),
    anonymous,
    actions: new Set(known),
  };
}

/** Longest pattern; together with names of at most 255 characters that bounds the time of a match. */
const MOST_STARS = 8;

function patternOf(glob: string): RegExp {
  if (glob.split("*").length - 1 > MOST_STARS * 2) throw new Error(`too many stars in ${glob}`);
  const source = glob.replace(/\*{2,}|\*|[^*]+/g, (part) =>
    part === "*" ? "[^/]*" : part.startsWith("*") ? ".*" : part.replace(/[.\\+?^${}()|[\]]/g, "\\$&"),
  );
  return new RegExp(`^${source}$`);
}

function mapOf(value: unknown, where: string, keys?: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${where} is not a map`);
  const unknown = keys === undefined ? undefined : Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new Error(`${where}: unknown key ${unknown}`);
  return value as Record<string, unknown>;
}

function texts(value: unknown, where: string): string[] {
  const all = typeof value === "string" ? [value] : value;
  if (!Array.isArray(all) || !all.every((each) => typeof each === "string"))
    throw new Error(`${where} is not a list of texts`);
  return [...all];
}
