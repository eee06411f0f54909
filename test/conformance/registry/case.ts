/** What a case is. */
export interface Case {
  name: string;
  /** Why docker-registry 2.8.2 does not pass. */
  lacking?: string;
  run(url: string, name: string): Promise<void>;
}

export class CaseList {
  readonly cases: Case[] = [];

  add(name: string, run: Case["run"], lacking?: string): void {
    this.cases.push({ name, run, ...(lacking !== undefined && { lacking }) });
  }
}

export async function errorCode(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  if (typeof errors[0]?.message !== "string") throw new Error("an error without a message");
  return errors[0].code;
}

export const UNKNOWN_DIGEST = `sha256:${"0".repeat(64)}`;
