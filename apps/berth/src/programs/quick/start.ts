export * from "@berth/app-cli/quick/start";
