import { type Client, escapeReference } from "../../client.ts";

export interface DistributionInspect {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: unknown[] | null;
}

/** GET /distribution/{name}/json: what the image's registry has under its name now. `auth`: X-Registry-Auth. */
export async function distributionInspect(
  client: Client,
  name: string,
  auth?: string,
): Promise<DistributionInspect> {
  const response = await client.request({
    method: "GET",
    path: `/distribution/${escapeReference(name)}/json`,
    headers: auth === undefined ? {} : { "X-Registry-Auth": auth },
  });
  return JSON.parse(await response.text()) as DistributionInspect;
}
