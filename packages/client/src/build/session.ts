import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { BytesMessage, METHODS, session as messages, SESSION_HEADERS } from "@berth/api/buildkit";
import { CODE, GrpcError, type ServerCall, type Services, serveGrpc, unary } from "@berth/api/grpc";
import type { Client } from "../client.ts";
import { duplexOf } from "./connection-duplex.ts";
import { type Receiver, receive } from "./receive-files.ts";
import { sendFiles } from "./send-files.ts";
import { AgentRequests, answerAgent, framed, type SshKey } from "./ssh-keys.ts";

/** Bytes that a secret may have, as BuildKit limits them. */
const SECRET_LIMIT = 500 << 10;
const SSH_ID = "buildkit.ssh.id";
const EXPORTER_ID = "buildkit-attachable-exporter-id";

export type Secret = { file: string } | { value: string };

/** An agent's socket, or keys of our own. */
export type Agent = { socket: string } | { keys: readonly SshKey[] };

/** What a client offers to a build. */
export interface Offers {
  /** By name: `context`, `dockerfile`. */
  folders: Readonly<Record<string, string>>;
  secrets: ReadonlyMap<string, Secret>;
  /** By id (`default`). */
  agents: ReadonlyMap<string, Agent>;
  credentials?(
    host: string,
  ): Promise<{ username?: string; password?: string; identityToken?: string } | undefined>;
  /** Results of exporters, by their place. */
  receivers: ReadonlyMap<number, Receiver>;
  /** Body for `http://buildkit-session/…`. */
  upload?: AsyncIterable<Uint8Array>;
}

/** Opens a session of BuildKit's protocol: the daemon calls us over it. @throws as Client.hijack. */
export async function openSession(
  client: Client,
  id: string,
  sharedKey: string,
  offers: Offers,
  signal?: AbortSignal,
): Promise<{ close(): void }> {
  const services = servicesOf(offers);
  const hijacked = await client.hijack(
    {
      method: "POST",
      path: "/session",
      headers: {
        [SESSION_HEADERS.id]: id,
        [SESSION_HEADERS.name]: "berth",
        [SESSION_HEADERS.sharedKey]: sharedKey,
        [SESSION_HEADERS.method]: Object.keys(services).join(","),
      },
      signal,
    },
    "h2c",
  );
  return serveGrpc(duplexOf(hijacked), services);
}

function servicesOf(offers: Offers): Services {
  const upload = offers.upload;
  return {
    [METHODS.diffCopy]: (call) => sendFiles(call, offers.folders),
    [METHODS.health]: unary(messages.HealthCheckRequest, messages.HealthCheckResponse, () => ({ status: 1 })),
    ...(offers.receivers.size > 0 && { [METHODS.fileSend]: (call) => receiveResult(call, offers) }),
    ...(offers.secrets.size > 0 && {
      [METHODS.getSecret]: unary(messages.GetSecretRequest, messages.GetSecretResponse, async ({ ID }) => ({
        data: await secretValue(offers.secrets, ID),
      })),
    }),
    ...(offers.agents.size > 0 && {
      [METHODS.checkAgent]: unary(messages.CheckAgentRequest, BytesMessage, ({ ID }) => {
        agentOf(offers.agents, ID);
        return {};
      }),
      [METHODS.forwardAgent]: (call) => forwardAgent(call, offers.agents),
    }),
    ...(offers.credentials !== undefined && {
      [METHODS.credentials]: unary(
        messages.CredentialsRequest,
        messages.CredentialsResponse,
        async ({ Host }) => {
          const found = await offers.credentials?.(Host === "registry-1.docker.io" ? "docker.io" : Host);
          if (found?.identityToken) return { Secret: found.identityToken };
          return { Username: found?.username ?? "", Secret: found?.password ?? "" };
        },
      ),
    }),
    ...(upload !== undefined && {
      [METHODS.uploadPull]: async (call) => {
        for await (const data of upload) await call.write(BytesMessage.encode({ data }));
      },
    }),
  };
}

async function receiveResult(call: ServerCall, { receivers }: Offers): Promise<void> {
  const at = Number(call.metadata.get(EXPORTER_ID)?.[0] ?? 0);
  const receiver = receivers.get(at);
  if (receiver === undefined) throw new GrpcError(CODE.NOT_FOUND, `no output ${at} was asked for`);
  await receive(call, receiver);
}

async function secretValue(secrets: Offers["secrets"], id: string): Promise<Uint8Array> {
  const secret = secrets.get(id);
  if (secret === undefined) throw new GrpcError(CODE.NOT_FOUND, `secret ${id} not found`);
  const data = "value" in secret ? new TextEncoder().encode(secret.value) : await readFile(secret.file);
  if (data.length > SECRET_LIMIT) {
    throw new GrpcError(CODE.INVALID_ARGUMENT, `invalid secret size ${data.length}`);
  }
  return data;
}

function agentOf(agents: Offers["agents"], id: string): Agent {
  const agent = agents.get(id === "" ? "default" : id);
  if (agent === undefined) throw new GrpcError(CODE.NOT_FOUND, `unset ssh forward key ${id || "default"}`);
  return agent;
}

async function forwardAgent(call: ServerCall, agents: Offers["agents"]): Promise<void> {
  const agent = agentOf(agents, call.metadata.get(SSH_ID)?.[0] ?? "");
  if ("keys" in agent) return answerWithKeys(call, agent.keys);
  const socket = connect(agent.socket);
  const gone = () => void socket.destroy();
  call.signal.addEventListener("abort", gone);
  try {
    const sending = (async () => {
      for await (const chunk of socket) await call.write(BytesMessage.encode({ data: chunk as Uint8Array }));
    })();
    const receiving = (async () => {
      for await (const message of call.messages()) socket.write(BytesMessage.decode(message).data);
      socket.end();
    })();
    await Promise.race([sending, receiving.then(() => sending)]);
  } finally {
    call.signal.removeEventListener("abort", gone);
    socket.destroy();
  }
}

async function answerWithKeys(call: ServerCall, keys: readonly SshKey[]): Promise<void> {
  const requests = new AgentRequests();
  for await (const message of call.messages()) {
    for (const request of requests.push(BytesMessage.decode(message).data))
      await call.write(BytesMessage.encode({ data: framed(answerAgent(keys, request)) }));
  }
}
