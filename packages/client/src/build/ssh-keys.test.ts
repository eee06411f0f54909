import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentRequests, answerAgent, framed, readSshKey, type SshKey } from "./ssh-keys.ts";

const hasTools = Bun.which("ssh-keygen") !== null && Bun.which("ssh-add") !== null;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-keys-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, ...flags: string[]): SshKey {
  const path = join(folder, name);
  const made = Bun.spawnSync(["ssh-keygen", "-q", "-N", "", "-C", `${name}@test`, "-f", path, ...flags]);
  expect(made.exitCode).toBe(0);
  return readSshKey(readFileSync(path, "utf8"));
}

async function agent(keys: SshKey[]): Promise<{ server: Server; path: string }> {
  const path = join(folder, `agent-${Math.random().toString(36).slice(2)}`);
  const server = createServer((socket) => {
    const requests = new AgentRequests();
    socket.on("data", (data) => {
      for (const request of requests.push(Buffer.from(data)))
        socket.write(framed(answerAgent(keys, request)));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { server, path };
}

test.if(hasTools)(
  "OpenSSH's own tools list the keys, and take their signatures",
  async () => {
    const names = ["ed25519", "rsa", "pem", "ec256", "ec384", "ec521"];
    const keys = [
      make("ed25519", "-t", "ed25519"),
      make("rsa", "-t", "rsa", "-b", "2048"),
      make("pem", "-t", "rsa", "-b", "2048", "-m", "PEM"),
      make("ec256", "-t", "ecdsa", "-b", "256"),
      make("ec384", "-t", "ecdsa", "-b", "384"),
      make("ec521", "-t", "ecdsa", "-b", "521"),
    ];
    const { server, path } = await agent(keys);
    try {
      const run = async (...words: string[]) => {
        const child = Bun.spawn(words, {
          env: { ...process.env, SSH_AUTH_SOCK: path },
          stdout: "pipe",
          stderr: "pipe",
        });
        return { text: await new Response(child.stdout).text(), code: await child.exited };
      };
      const listed = (await run("ssh-add", "-L")).text.trim().split("\n");
      for (const [at, name] of names.entries()) {
        const [type, blob] = readFileSync(join(folder, `${name}.pub`), "utf8").split(" ");
        expect(listed[at]).toStartWith(`${type} ${blob}`);
        // Signs with the agent, and checks the signature.
        expect((await run("ssh-add", "-T", join(folder, `${name}.pub`))).code).toBe(0);
      }
    } finally {
      server.close();
    }
  },
  120_000,
);

test.if(hasTools)(
  "keys that cannot be used say why",
  () => {
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", join(folder, "locked")]);
    expect(() => readSshKey(readFileSync(join(folder, "locked"), "utf8"))).toThrow("passphrase protected");
    expect(() => readSshKey("words")).toThrow("ssh: no key found");
  },
  30_000,
);

test("requests of any bytes are answered or refused", () => {
  expect(() => new AgentRequests().push(Buffer.from("ffffffff", "hex"))).toThrow("too large");
  const requests = new AgentRequests();
  expect(requests.push(Buffer.from("0000", "hex"))).toEqual([]);
  expect(requests.push(Buffer.from("00020b", "hex")).length).toBe(0);
  expect(requests.push(Buffer.from("ff", "hex")).map((each) => [...each])).toEqual([[11, 255]]);
  for (const bytes of ["0d", "0d00000004", "0dffffffff00", "11", ""])
    expect([...answerAgent([], Buffer.from(bytes, "hex"))]).toEqual([5]);
});
