export interface VolumeRecord {
  name: string;
  driver: "local";
  /** null: none were given. */
  options: Record<string, string> | null;
  labels: Record<string, string> | null;
  /** RFC 3339, whole seconds. */
  createdAt: string;
  /** A removal was begun; it is finished when the daemon starts again. */
  removing: boolean;
}

/** The label by which Docker's clients know a volume that was made without a name. */
export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";
