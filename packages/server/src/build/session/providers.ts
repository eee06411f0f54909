import type { AuthProvider, ByteDuplex, SecretProvider, SshProvider } from "@berth/api/build";
import { BytesMessage, METHODS, session as messages } from "@berth/api/buildkit";
import { CODE, GrpcError } from "@berth/api/grpc";
import { log, messageOf } from "@berth/base";
import type { Session } from "./session.ts";

/** Docker's word for an identity token in the place of a user's name. */
const TOKEN_USER = "<token>";
const SSH_ID = "buildkit.ssh.id";
const CHUNK = 32 << 10;

export function sessionSecrets(session: Session): SecretProvider | undefined {
  if (!session.supports(METHODS.getSecret)) return undefined;
  return {
    async get(id, signal) {
      try {
        const { GetSecretRequest, GetSecretResponse } = messages;
        const answer = await session.calls.unary(
          METHODS.getSecret,
          GetSecretRequest,
          { ID: id },
          GetSecretResponse,
          { signal },
        );
        return answer.data;
      } catch (error) {
        if (isCode(error, CODE.NOT_FOUND) || isCode(error, CODE.UNIMPLEMENTED)) return undefined;
        throw error;
      }
    },
  };
}

export function sessionAuth(session: Session): AuthProvider | undefined {
  if (!session.supports(METHODS.credentials)) return undefined;
  return {
    async credentials(host) {
      const { CredentialsRequest, CredentialsResponse } = messages;
      // BuildKit asks for Docker Hub by the name under which its credentials are kept.
      const Host = host === "docker.io" ? "https://index.docker.io/v1/" : host;
      const answer = await session.calls.unary(
        METHODS.credentials,
        CredentialsRequest,
        { Host: Host === "https://index.docker.io/v1/" ? "registry-1.docker.io" : Host },
        CredentialsResponse,
      );
      if (answer.Secret === "") return undefined;
      if (answer.Username === "" || answer.Username === TOKEN_USER) return { identityToken: answer.Secret };
      return { username: answer.Username, password: answer.Secret };
    },
  };
}

export function sessionSsh(session: Session): SshProvider | undefined {
  if (!session.supports(METHODS.forwardAgent)) return undefined;
  return {
    async has(id, signal) {
      const { CheckAgentRequest } = messages;
      try {
        await session.calls.unary(METHODS.checkAgent, CheckAgentRequest, { ID: id }, BytesMessage, {
          signal,
        });
        return true;
      } catch (error) {
        signal.throwIfAborted();
        log.debug("no ssh agent", { id, error: messageOf(error) });
        return false;
      }
    },
    connect(id, connection, signal) {
      void forward(session, id, connection, signal).catch((error) =>
        log.debug("a connection to the client's ssh agent broke", { error: messageOf(error) }),
      );
    },
  };
}

async function forward(
  session: Session,
  id: string,
  connection: ByteDuplex,
  signal: AbortSignal,
): Promise<void> {
  const call = session.calls.stream(METHODS.forwardAgent, { metadata: { [SSH_ID]: id }, signal });
  const reader = connection.readable.getReader();
  const writer = connection.writable.getWriter();
  const sending = (async () => {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      for (let at = 0; at < step.value.length; at += CHUNK) {
        await call.write(BytesMessage.encode({ data: step.value.subarray(at, at + CHUNK) }));
      }
    }
    call.end();
  })();
  sending.catch(() => call.cancel());
  try {
    for await (const message of call.messages()) await writer.write(BytesMessage.decode(message).data);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  } finally {
    await reader.cancel().catch(() => {});
    call.cancel();
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof GrpcError && error.code === code;
}
