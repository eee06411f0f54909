export * from "@berth/app-cli";
