// The contract lives in packages/api/src/build, because server, client and command line need it too.
export type * from "@berth/api/build";
