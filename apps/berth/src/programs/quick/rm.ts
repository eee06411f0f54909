export * from "@berth/app-cli/quick/rm";
