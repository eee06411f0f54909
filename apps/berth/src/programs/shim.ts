export * from "@berth/app-shim";
