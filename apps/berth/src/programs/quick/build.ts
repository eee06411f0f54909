export * from "@berth/app-cli/quick/build";
