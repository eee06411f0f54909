/** Who asks; a name of "" is nobody in particular. */
export interface Principal {
  name: string;
}

export type Action = "pull" | "push" | "delete";

/** What a request needs: an action on a repository, or the list of all of them. */
export type Access =
  | { type: "repository"; name: string; action: Action }
  | { type: "registry"; name: "catalog"; action: "*" };

/** Who a request comes from, and what it may do. */
export interface Authorization {
  principal: Principal;
  allows(access: Access): boolean;
  /** Whether the list of all repositories shows it this one. */
  sees(repository: string): boolean;
}

/** One way of authentication. */
export interface Authenticator {
  /**
   * @param needed what the route needs, for the challenge: undefined for `/v2/`.
   * @throws UNAUTHORIZED with a challenge when the requester is unknown; DENIED when known and not allowed.
   */
  authorize(request: Request, needed: Access | undefined): Promise<Authorization> | Authorization;
}

/** Everybody may do everything. */
export const OPEN: Authenticator = {
  authorize: () => EVERYTHING,
};

const EVERYTHING: Authorization = { principal: { name: "" }, allows: () => true, sees: () => true };
