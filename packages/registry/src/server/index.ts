/** The registry server. */
export {};
