export * from "@berth/app-cli/quick/apart/session";
