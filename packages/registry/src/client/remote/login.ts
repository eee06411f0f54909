import { systemError, unauthorized } from "@berth/base";
import { parseChallenges } from "../auth/challenge.ts";
import { basic, fetchToken, hasPassword, type TokenFetch } from "../auth/tokens.ts";
import type { Login } from "../client.ts";
import { errorOfAnswer, statusText } from "../errors.ts";
import { drop, type EndpointClient, readAll } from "../http/endpoint-client.ts";

const MAX_ANSWER = 1 << 20;

/** Tries credentials on a registry. @returns an identity token, or an empty text. @throws unauthorized. */
export async function login(
  client: EndpointClient,
  fetch: TokenFetch,
  credentials: Login,
  signal: AbortSignal,
): Promise<string> {
  const first = await client.send({ method: "GET", target: "/", scopes: [], signal, anonymous: true });
  await drop(first);
  const { url } = first;
  if (first.status === 200) return "";
  const header = first.headers.get("www-authenticate");
  const challenges = header === null ? [] : parseChallenges(header);
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (first.status !== 401 || challenges.length === 0) {
    throw systemError(`login attempt to ${url} failed with status: ${statusText(first.status)}`);
  }
  if (bearer === undefined) {
    if (!hasPassword(credentials)) throw unauthorized("no basic auth credentials");
    const answer = await client.send({
      method: "GET",
      target: "/",
      headers: { Authorization: basic(credentials) },
      scopes: [],
      signal,
      anonymous: true,
    });
    const body = await readAll(answer, MAX_ANSWER).catch(() => new Uint8Array());
    if (answer.status === 200) return "";
    if (answer.status === 401) {
      throw systemError(`login attempt to ${url} failed with status: ${statusText(answer.status)}`);
    }
    throw errorOfAnswer(answer.status, body);
  }
  try {
    const options = { offline: true, secure: url.startsWith("https:") };
    const { token, refreshToken } = await fetchToken(fetch, bearer, [], credentials, options, signal);
    const answer = await client.send({
      method: "GET",
      target: "/",
      headers: { Authorization: `Bearer ${token}` },
      scopes: [],
      signal,
      anonymous: true,
    });
    await drop(answer);
    if (answer.status !== 200) {
      throw systemError(`login attempt to ${url} failed with status: ${statusText(answer.status)}`);
    }
    return refreshToken ?? credentials.identityToken ?? "";
  } catch (error) {
    if (error instanceof Error && "status" in error) {
      throw unauthorized(`Get "${url}": ${error.message}`, { cause: error });
    }
    throw error;
  }
}
