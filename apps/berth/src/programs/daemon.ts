export * from "@berth/app-daemon";
