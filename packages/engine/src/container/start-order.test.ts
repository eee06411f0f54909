import { expect, test } from "bun:test";
import { startDependencies } from "./start-order.ts";

const container = (service: string, dependsOn = "", project = "shop") => ({
  service,
  labels: {
    "com.docker.compose.project": project,
    "com.docker.compose.service": service,
    "com.docker.compose.depends_on": dependsOn,
  },
});

test("what Compose notes on containers is their order", () => {
  const web = container("web", "db:service_healthy:false,cache:service_started:true");
  const db = container("db");
  const cache = container("cache");
  const other = container("db", "", "other");
  const plain = { service: "", labels: null };
  const found = startDependencies<{ service: string; labels: Record<string, string> | null }>([
    web,
    db,
    cache,
    other,
    plain,
  ]);
  expect(found.get(web)).toEqual([
    { container: db, healthy: true },
    { container: cache, healthy: false },
  ]);
  expect([db, cache, other, plain].map((each) => found.get(each))).toEqual([[], [], [], []]);
});

test("labels that go round in a circle are no trap", () => {
  const a = container("a", "b:service_started:false");
  const b = container("b", "a:service_started:false,b:service_started:false");
  const found = startDependencies([a, b]);
  expect(found.get(a)).toEqual([{ container: b, healthy: false }]);
  expect(found.get(b)).toEqual([]);
});
