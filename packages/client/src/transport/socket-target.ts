/** Certificates as PEM text. */
export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  /** Refuse a server whose certificate `ca` (or the system) does not vouch for. */
  verify: boolean;
}

export type SocketTarget = (
  | { kind: "unix"; path: string; tls?: undefined }
  | { kind: "tcp"; host: string; port: number; tls?: TlsOptions }
) & {
  /** How the address is named in messages. */
  display: string;
};
