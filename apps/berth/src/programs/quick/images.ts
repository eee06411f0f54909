export * from "@berth/app-cli/quick/images";
