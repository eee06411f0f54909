import type { EventMessage, Filters } from "@berth/api";

/** Docker's rules for `docker events --filter`: keys are all to be met, values of one key are alternatives. */
export function eventMatches(event: EventMessage, filters: Filters): boolean {
  if (filters.size === 0) return true;
  const { Actor: actor } = event;
  const byName = (key: string) => {
    if (filters.get(key).length === 0) return true;
    return filters.prefix(key, actor.ID) || filters.prefix(key, actor.Attributes.name ?? "");
  };
  return (
    matchesAction(event.Action, filters) &&
    filters.exact("type", event.Type) &&
    filters.exact("scope", event.scope) &&
    byName("daemon") &&
    byName("container") &&
    byName("plugin") &&
    byName("volume") &&
    byName("network") &&
    byName("service") &&
    byName("node") &&
    byName("secret") &&
    byName("config") &&
    matchesImage(event, filters) &&
    filters.labels("label", actor.Attributes)
  );
}

/** Actions with details after a colon (`exec_start: sh`) are found by the word before it. */
function matchesAction(action: string, filters: Filters): boolean {
  const wanted = filters.get("event");
  if (wanted.length === 0) return true;
  const fuzzy = wanted.some((each) => ["health_status", "exec_create", "exec_start"].includes(each));
  return fuzzy ? filters.prefix("event", action) : filters.exact("event", action);
}

function matchesImage(event: EventMessage, filters: Filters): boolean {
  if (filters.get("image").length === 0) return true;
  const id = event.Actor.ID;
  const name = event.Actor.Attributes[event.Type === "image" ? "name" : "image"] ?? "";
  return [id, name, withoutTag(id), withoutTag(name)].some(
    (each) => each !== "" && filters.exact("image", each),
  );
}

function withoutTag(reference: string): string {
  const at = reference.indexOf(":", reference.lastIndexOf("/") + 1);
  return at < 0 ? reference : reference.slice(0, at);
}
