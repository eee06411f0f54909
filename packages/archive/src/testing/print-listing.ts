import { listing } from "./listing.ts";

/** The listing of a tree, without overlayfs' own attributes, as JSON: for trees that only a child can see. */
console.log(JSON.stringify(listing(process.argv[2] as string, { overlay: false })));
