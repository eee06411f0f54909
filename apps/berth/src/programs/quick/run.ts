export * from "@berth/app-cli/quick/run";
