const http = require("node:http");
const os = require("node:os");
const { Pool } = require("pg");
const { createClient } = require("redis");

async function main() {
  const database = new Pool({ connectionString: process.env.DATABASE_URL });
  const cache = createClient({ url: "redis://cache" });
  cache.on("error", () => {});
  await cache.connect();
  // The database is healthy by now: the first query is answered.
  const { rows } = await database.query("SELECT count(*) AS products FROM products");
  console.log(`${rows[0].products} products, ready`);
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://app");
    if (pathname === "/add")
      await database.query("INSERT INTO products (name) VALUES ($1)", [searchParams.get("name")]);
    const products = await database.query("SELECT name FROM products ORDER BY name");
    const page = {
      host: os.hostname(),
      mode: process.env.NODE_ENV,
      hits: await cache.incr("hits"),
      products: products.rows.map(({ name }) => name),
    };
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(page));
  });
  server.listen(3000);
  process.on("SIGTERM", () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
