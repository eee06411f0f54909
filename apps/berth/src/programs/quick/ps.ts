export * from "@berth/app-cli/quick/ps";
