/** The words that group commands, and what they are about. */
export const NOUNS: Readonly<Record<string, string>> = {
  buildx: "Build images, and work on those in registries",
  "buildx history": "Look at builds that run and have run",
  "buildx imagetools": "Work on images in registries",
  builder: "Manage the build cache",
  compose: "Define and run multi-container applications",
  "compose alpha": "Commands that were experimental in older releases",
  container: "Manage containers",
  context: "Manage contexts",
  image: "Manage images",
  manifest: "Manage manifests and manifest lists in registries",
  network: "Manage networks",
  system: "Manage the daemon",
  volume: "Manage volumes",
};
