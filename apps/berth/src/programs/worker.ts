export * from "@berth/app-worker";
