import { type Services, serveGrpc } from "@berth/api/grpc";
import type { Exchange } from "../../http/exchange.ts";
import { grpcFailure } from "./failure.ts";

/** `POST /grpc`, upgraded to h2c: BuildKit's control service. */
export async function openGrpc(exchange: Exchange, services: Services): Promise<void> {
  await serveGrpc(exchange.takeConnection("h2c"), services, grpcFailure).closed;
}
