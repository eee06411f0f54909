import { bytes, int32, int64, map, message, repeated, string } from "./protobuf.ts";

// What the daemon asks of a client's session.

/** moby.filesync.v1.Auth */
export const CredentialsRequest = message({ Host: string(1) });
export const CredentialsResponse = message({ Username: string(1), Secret: string(2) });
export const FetchTokenRequest = message({
  ClientID: string(1),
  Host: string(2),
  Realm: string(3),
  Service: string(4),
  Scopes: repeated(string(5)),
});
export const FetchTokenResponse = message({ Token: string(1), ExpiresIn: int64(2), IssuedAt: int64(3) });
export const GetTokenAuthorityRequest = message({ Host: string(1), Salt: bytes(2) });
export const GetTokenAuthorityResponse = message({ PublicKey: bytes(1) });

/** moby.buildkit.secrets.v1.Secrets */
export const GetSecretRequest = message({ ID: string(1), annotations: map(string(2)) });
export const GetSecretResponse = message({ data: bytes(1) });

/** moby.sshforward.v1.SSH */
export const CheckAgentRequest = message({ ID: string(1) });

/** grpc.health.v1.Health; status 1: serving. */
export const HealthCheckRequest = message({ service: string(1) });
export const HealthCheckResponse = message({ status: int32(1) });

export const METHODS = {
  diffCopy: "/moby.filesync.v1.FileSync/DiffCopy",
  fileSend: "/moby.filesync.v1.FileSend/DiffCopy",
  credentials: "/moby.filesync.v1.Auth/Credentials",
  fetchToken: "/moby.filesync.v1.Auth/FetchToken",
  getTokenAuthority: "/moby.filesync.v1.Auth/GetTokenAuthority",
  getSecret: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  checkAgent: "/moby.sshforward.v1.SSH/CheckAgent",
  forwardAgent: "/moby.sshforward.v1.SSH/ForwardAgent",
  uploadPull: "/moby.upload.v1.Upload/Pull",
  health: "/grpc.health.v1.Health/Check",
} as const;

/** Headers of `POST /session`. */
export const SESSION_HEADERS = {
  id: "x-docker-expose-session-uuid",
  name: "x-docker-expose-session-name",
  sharedKey: "x-docker-expose-session-sharedkey",
  method: "x-docker-expose-session-grpc-method",
} as const;
