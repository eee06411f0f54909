/**
 * The order in which containers start with the daemon: Compose notes on each container what its service depends on
 * (`com.docker.compose.depends_on`), and that holds after a restart of the host, too.
 */
const PREFIX = "com.docker.compose.";
const DEPENDS_ON = `${PREFIX}depends_on`;
const PROJECT = `${PREFIX}project`;
const SERVICE = `${PREFIX}service`;

export interface Labelled {
  labels: Readonly<Record<string, string>> | null | undefined;
}

export interface StartDependency<T> {
  container: T;
  /** Until it is healthy, not only started. */
  healthy: boolean;
}

/**
 * For each container those of its project that start before it. Never a cycle, whatever the labels say: what would close one
 * is left out.
 */
export function startDependencies<T extends Labelled>(
  containers: readonly T[],
): Map<T, StartDependency<T>[]> {
  const byService = new Map<string, T[]>();
  for (const container of containers) {
    const key = serviceKey(container, container.labels?.[SERVICE]);
    if (key !== undefined) byService.set(key, [...(byService.get(key) ?? []), container]);
  }
  const result = new Map<T, StartDependency<T>[]>();
  const open = new Set<T>();
  const visit = (container: T): void => {
    if (result.has(container)) return;
    open.add(container);
    const found: StartDependency<T>[] = [];
    for (const entry of (container.labels?.[DEPENDS_ON] ?? "").split(",")) {
      const [service, condition] = entry.split(":");
      const key = service ? serviceKey(container, service) : undefined;
      for (const other of key === undefined ? [] : (byService.get(key) ?? [])) {
        if (open.has(other)) continue;
        visit(other);
        found.push({ container: other, healthy: condition === "service_healthy" });
      }
    }
    open.delete(container);
    result.set(container, found);
  };
  for (const container of containers) visit(container);
  return result;
}

/** Of a Compose project, so that others may depend on it. */
export function hasOrder(labels: Labelled["labels"]): boolean {
  return labels?.[PROJECT] !== undefined;
}

function serviceKey({ labels }: Labelled, service: string | undefined): string | undefined {
  const project = labels?.[PROJECT];
  return project === undefined || service === undefined ? undefined : `${project}\0${service}`;
}
