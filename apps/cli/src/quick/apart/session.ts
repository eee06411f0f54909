/** What `build` needs when the daemon calls back: for secrets, keys, results on our streams, and a daemon elsewhere. */
export * from "@berth/client/session";
export * from "@berth/client/ssh-keys";
