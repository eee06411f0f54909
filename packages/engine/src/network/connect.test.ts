import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineBench } from "../testing/engine-bench.ts";
import { networkBackend } from "./backend.ts";

let bench: EngineBench;
let networks: ReturnType<typeof networkBackend>;
beforeEach(() => {
  bench = new EngineBench();
  networks = networkBackend(bench.engine);
});
afterEach(() => bench[Symbol.asyncDispose]());
const connect = (network: string, Container: string) =>
  networks.connect(network, { Container, EndpointConfig: null });
const disconnect = (network: string, Container: string) =>
  networks.disconnect(network, { Container, Force: false });
const networksOf = async (name: string) =>
  Object.keys((await bench.containers.inspect(name, { size: false })).NetworkSettings.Networks);
const hosts = (id: string) => readFileSync(join(bench.folder, "containers", id, "hosts"), "utf8");

test("a running container goes into a network and out of it", async () => {
  const id = await bench.run(["sleep"], { name: "web" });
  await connect("net1", "web");
  expect(await networksOf("web")).toEqual(["bridge", "net1"]);
  expect(hosts(id).match(/^172\.17\.0\.\d+\t/gm)).toHaveLength(2);
  await expect(connect("net1", "web")).rejects.toThrow(
    "endpoint with name web already exists in network net1",
  );
  await disconnect("net1", "web");
  expect(await networksOf("web")).toEqual(["bridge"]);
  expect(hosts(id).match(/^172\.17\.0\.\d+\t/gm)).toHaveLength(1);
  expect(bench.actions("network")).toEqual(["connect", "connect", "disconnect"]);
  await expect(disconnect("net1", "web")).rejects.toThrow(`container ${id} is not connected to network net1`);
});

test("a created container is started in the networks that it was put into", async () => {
  await bench.create(["sleep"], { name: "web" });
  await connect("net1", "web");
  await connect("net1", "web");
  await disconnect("bridge", "web");
  await bench.containers.start("web", {});
  expect(await networksOf("web")).toEqual(["net1"]);
});

test("one that was taken out of all its networks is started in that of its mode", async () => {
  await bench.create(["sleep"], { name: "web" });
  await disconnect("bridge", "web");
  expect(await networksOf("web")).toEqual([]);
  await bench.containers.start("web", {});
  expect(bench.networks.allocated.get(bench.container("web").id)?.endpoints).toEqual([{ network: "bridge" }]);
});

test("host, none and shared networks stay by themselves", async () => {
  await bench.run(["sleep"], { name: "plain" });
  await bench.run(["sleep"], { name: "hosted", host: { NetworkMode: "host" } });
  await bench.run(["sleep"], { name: "lonely", host: { NetworkMode: "none" } });
  const host = "container cannot be disconnected from host network or connected to host network";
  const shared =
    "container sharing network namespace with another container or host cannot be connected to any other network";
  const none =
    "container cannot be connected to multiple networks with one of the networks in private (none) mode";
  await expect(connect("host", "plain")).rejects.toThrow(host);
  await expect(connect("none", "plain")).rejects.toThrow(none);
  await expect(connect("net1", "hosted")).rejects.toThrow(shared);
  await expect(connect("net1", "lonely")).rejects.toThrow(none);
  await expect(disconnect("host", "hosted")).rejects.toThrow(host);
  await expect(connect("nope", "plain")).rejects.toThrow("network nope not found");
  await expect(connect("net1", "nope")).rejects.toThrow("No such container: nope");
  await expect(networks.disconnect("net1", { Container: "nope", Force: true })).rejects.toThrow(
    "endpoint nope not found",
  );
});
