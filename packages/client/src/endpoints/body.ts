/** What a request's body may leave out: everything, at every depth. */
export type Body<T> = T extends readonly (infer Item)[]
  ? Body<Item>[]
  : T extends object
    ? { [Key in keyof T]?: Body<T[Key]> | undefined }
    : T;
