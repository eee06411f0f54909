import { BUILD_FLAGS } from "../../build/flags.ts";
import { command, exactly } from "../../command.ts";

export default command({
  names: ["buildx build", "build", "image build", "builder build", "buildx b"],
  summary: "Build an image from a Dockerfile",
  description:
    "PATH is the folder whose files the Dockerfile may copy, a git repository, the URL of an archive, or - for an archive\nor a Dockerfile from stdin.",
  usage: "[OPTIONS] PATH | URL | -",
  arguments: exactly(1),
  completes: ["folder"],
  flags: BUILD_FLAGS,
  examples: [
    { what: "The folder that you are in", words: "build -t myapp ." },
    { what: "Why was a step not taken from the cache?", words: "build --explain ." },
  ],
  async run(context, { values }, [path]) {
    const { runBuild } = await import("../../build/run-build.ts");
    await runBuild(context, values, path!);
  },
});
