export * from "@berth/app-registry";
