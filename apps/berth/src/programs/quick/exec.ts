export * from "@berth/app-cli/quick/exec";
