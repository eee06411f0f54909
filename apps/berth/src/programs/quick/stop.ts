export * from "@berth/app-cli/quick/stop";
