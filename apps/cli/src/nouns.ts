/** The words that group commands, and what they are about. */
export const NOUNS: Readonly<Record<string, string>> = {
  compose: "Define and run multi-container applications",
  container: "Manage containers",
  context: "Manage contexts",
  image: "Manage images",
  network: "Manage networks",
  system: "Manage the daemon",
  volume: "Manage volumes",
};
