/** Projects as people have them, built for real and run: the Dockerfiles of tutorials on stand-ins for their base images. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { buildOk, project } from "../harness/project.ts";
import { eventually } from "../harness/wait.ts";

setDefaultTimeout(5 * 60_000);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox", "nginx", "node", "python", "golang", "openjdk"] });
  // What Alpine is made of.
  await daemon.out("tag", "busybox", "alpine:latest");
}, 900_000);
afterAll(() => daemon?.stop(), 60_000);

/** A page of a container that serves on a port of its own. */
function page(container: string, port: number, path = "/"): Promise<string> {
  const get = ["run", "--rm", "--network", `container:${container}`, "busybox", "wget", "-qO-"];
  return eventually(
    `${container} serves ${path}`,
    async () => (await daemon.out(...get, `http://127.0.0.1:${port}${path}`)) || undefined,
  );
}

const FLASK = {
  "requirements.txt": "flask\n",
  "app.py": `import os
from flask import Flask
app = Flask(__name__)

@app.route("/")
def index():
    return "%s in %s" % (os.environ.get("APP_ENV", "no environment"), os.getcwd())

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
`,
};

describe("Python", () => {
  test("pip install of a requirements file, then the application", async () => {
    const folder = project(daemon, {
      Dockerfile: `# Set the base image
FROM python:3.9-slim

# Set metadata
LABEL maintainer="youremail@example.com"
LABEL version="1.0"

# Set environment variable
ENV APP_ENV=production

# Create and set working directory
WORKDIR /app

# Copy local files to the container
COPY . /app

# Install dependencies
RUN pip install --no-cache-dir -r requirements.txt

# Expose port
EXPOSE 5000

# Set the default command to run the application
CMD ["python", "app.py"]
`,
      ...FLASK,
      ".dockerignore": "__pycache__\n*.pyc\nvenv/\n",
      "venv/bin/python": "#!/bin/false\n",
    });
    await buildOk(daemon, folder, ["-t", "my-python-app"]);
    await daemon.out("run", "-d", "--name", "flask", "my-python-app");
    expect(await page("flask", 5000)).toBe("production in /app");
    expect(await daemon.out("exec", "flask", "ls")).not.toContain("venv");
    expect(await daemon.out("image", "inspect", "-f", "{{.Config.Labels.version}}", "my-python-app")).toBe(
      "1.0",
    );
    await daemon.out("rm", "-f", "flask");
  });

  test("what has not changed is not done again: pip does not run for a change of the application", async () => {
    const folder = project(daemon, {
      Dockerfile:
        'FROM python:3.9\nWORKDIR /app\nCOPY requirements.txt .\nCOPY greeting greeting\nRUN pip install --no-index --no-build-isolation -r requirements.txt\nCOPY . .\nENV FLASK_RUN_HOST=0.0.0.0\nEXPOSE 5000\nCMD ["flask", "run"]\n',
      "requirements.txt": "flask\n./greeting\n",
      "app.py": 'import flask, greeting\napp = flask.Flask("a")\napp.route("/")(greeting.hello)\n',
      "greeting/setup.py":
        'from setuptools import setup\nsetup(name="greeting", version="1.0", py_modules=["greeting"])\n',
      "greeting/greeting.py": 'def hello():\n    return "hello from a package"\n',
    });
    const first = await buildOk(daemon, folder, ["-t", "greeter"]);
    expect(first.stdout + first.stderr).toContain("Successfully installed greeting");
    await daemon.out("run", "-d", "--name", "greeter", "greeter");
    expect(await page("greeter", 5000)).toBe("hello from a package");
    await daemon.out("rm", "-f", "greeter");
    await Bun.write(`${folder}/app.py`, 'print("changed")\n');
    const again = await buildOk(daemon, folder, ["-t", "greeter"]);
    expect(again.stdout + again.stderr).toMatch(/CACHED/);
    expect(again.stdout + again.stderr).not.toContain("Successfully installed");
    expect(await daemon.out("run", "--rm", "greeter", "python", "app.py")).toBe("changed");
  });

  test("tested in the first stage: a test that fails makes no image", async () => {
    const files = {
      Dockerfile: `# Stage 1: Build and Test
FROM python:3.9 AS builder
WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY . ./
RUN pytest

# Stage 2: Production
FROM python:3.9-slim
WORKDIR /app
COPY --from=builder /app /app
CMD ["python", "app.py"]
`,
      "requirements.txt": "pytest\n",
      "app.py": "def double(n):\n    return 2 * n\nprint(double(21))\n",
      "test_app.py": "from app import double\n\ndef test_double():\n    assert double(4) == 8\n",
    };
    await buildOk(daemon, project(daemon, files), ["-t", "tested"]);
    expect(await daemon.out("run", "--rm", "tested")).toBe("42");
    const broken = project(daemon, { ...files, "app.py": "def double(n):\n    return n\n" });
    const failed = await daemon.run(["docker", "build", "-t", "broken", broken], { seconds: 120 });
    expect(failed.exitCode).not.toBe(0);
    expect(failed.stdout + failed.stderr).toContain("assert 4 == 8");
    expect(await daemon.out("image", "ls", "-q", "broken")).toBe("");
  });

  test("three stages, and a virtual environment that is copied", async () => {
    const folder = project(daemon, {
      Dockerfile: `FROM python:3.9-slim AS base
WORKDIR /app
COPY requirements.txt .
RUN python -m venv --system-site-packages /venv && \\
    /venv/bin/pip install --no-cache-dir -r requirements.txt

FROM base AS build
COPY . .

FROM python:3.9-slim AS final
WORKDIR /app
COPY --from=base /venv /venv
COPY --from=build /app /app
ENV PATH="/venv/bin:$PATH"
CMD ["flask", "run"]
`,
      ...FLASK,
    });
    await buildOk(daemon, folder, ["-t", "venv"]);
    expect(await daemon.out("run", "--rm", "venv", "python", "-c", "import sys; print(sys.prefix)")).toBe(
      "/venv",
    );
    await daemon.out("run", "-d", "--name", "venv", "venv");
    expect(await page("venv", 5000)).toBe("no environment in /app");
    await daemon.out("rm", "-f", "venv");
  });

  test("without a shell: only the interpreter, its libraries and the application", async () => {
    const distroless = project(daemon, {
      Dockerfile: `FROM python:3.9-slim AS full
RUN mkdir /root-of-it && cd /root-of-it && mkdir -p usr/bin usr/lib tmp && ln -s usr/lib lib && mkdir -p usr/lib64 && ln -s usr/lib64 lib64 \\
 && cp /usr/bin/python3.11 usr/bin/ && cp -a /usr/lib/python3.11 usr/lib/ \\
 && for file in $(ldd /usr/bin/python3.11 | grep -o '/[^ ]*'); do mkdir -p ".$(dirname $file)" && cp "$file" ".$file"; done
FROM scratch
COPY --from=full /root-of-it /
ENTRYPOINT ["/usr/bin/python3.11"]
`,
    });
    await buildOk(daemon, distroless, ["-t", "gcr.io/distroless/python3"]);
    const folder = project(daemon, {
      Dockerfile: `# Stage 1: Build the application using a full image
FROM python:3.9-slim AS builder

WORKDIR /app
COPY . /app
RUN pip install -r requirements.txt

# Stage 2: Create a minimal, distroless image for production
FROM gcr.io/distroless/python3

COPY --from=builder /app /app

# Set the command to run the application
CMD ["/app/app.py"]
`,
      "requirements.txt": "",
      "app.py": 'import os\nprint("no shell:", not os.path.exists("/bin/sh"))\n',
    });
    await buildOk(daemon, folder, ["-t", "distroless"]);
    expect(await daemon.out("run", "--rm", "distroless")).toBe("no shell: True");
    const shell = await daemon.run(["docker", "run", "--rm", "--entrypoint", "sh", "distroless"]);
    expect(shell.exitCode).toBe(127);
    expect(shell.stderr).toContain('exec: "sh": executable file not found in $PATH');
  });
});

describe("Node", () => {
  test("npm install, build, static files in nginx", async () => {
    const folder = project(daemon, {
      Dockerfile: `# Stage 1: Build Stage
FROM node:16 AS builder
WORKDIR /app
COPY package.json ./
RUN npm install
COPY . ./
RUN npm run build

# Stage 2: Final Stage
FROM nginx:latest
COPY --from=builder /app/build /usr/share/nginx/html
EXPOSE 80
`,
      "package.json": JSON.stringify({
        name: "web",
        version: "1.0.0",
        scripts: { build: "node build.js" },
        dependencies: { pg: "8.11.3" },
      }),
      "build.js":
        "const fs = require('fs'); fs.mkdirSync('build'); fs.writeFileSync('build/index.html', `<h1>${require('pg').escapeIdentifier('made by node')}</h1>`);\n",
      "node_modules/pg/index.js": "throw new Error('the host has its own');\n",
      ".dockerignore": "node_modules\nbuild\nDockerfile\n",
    });
    await buildOk(daemon, folder, ["-t", "web"]);
    await daemon.out("run", "-d", "--name", "web", "web");
    expect(await page("web", 80)).toBe('<h1>"made by node"</h1>');
    const [image] = JSON.parse(await daemon.out("image", "inspect", "web"));
    expect(image.Config.Cmd).toEqual(["nginx", "-g", "daemon off;"]);
    await daemon.out("rm", "-f", "web");
  });

  test("a relative WORKDIR, tests in the build, npm start", async () => {
    const folder = project(daemon, {
      Dockerfile:
        'FROM node:14\nWORKDIR app\nCOPY . .\nRUN npm install\nRUN npm run test\nEXPOSE 8000\nCMD ["node","app.js"]\n',
      "package.json": JSON.stringify({
        name: "a",
        scripts: { test: "node app.js test", start: "node app.js" },
      }),
      "app.js": "console.log(process.cwd(), process.argv.slice(2).join());\n",
    });
    const built = await buildOk(daemon, folder, ["-t", "node-app"]);
    expect(built.stdout + built.stderr).toContain("/app test");
    expect(await daemon.out("run", "--rm", "node-app")).toBe("/app ");
    expect(await daemon.out("run", "--rm", "node-app", "npm", "start", "--silent")).toBe("/app ");
  });
});

describe("Go", () => {
  const source = {
    "go.mod": "module example.com/app\n\ngo 1.18\n",
    "go.sum": "",
    "main.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("Hello from Go") }\n',
  };

  test("compiled in one stage, alone in the other", async () => {
    const folder = project(daemon, {
      ...source,
      Dockerfile: `FROM golang:1.18 AS builder
WORKDIR /go/src/app
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -o /go/bin/app

FROM scratch
COPY --from=builder /go/bin/app /app
USER 65532:65532
CMD ["/app"]
`,
    });
    await buildOk(daemon, folder, ["-t", "my-go-app"], { seconds: 250 });
    expect(await daemon.out("run", "--rm", "my-go-app")).toBe("Hello from Go");
    const [image] = JSON.parse(await daemon.out("image", "inspect", "my-go-app"));
    expect(image.RootFS.Layers).toHaveLength(1);
    expect(image.Size).toBeLessThan(5_000_000);
    const shell = await daemon.run(["docker", "run", "--rm", "my-go-app", "/bin/sh"]);
    expect(shell.exitCode).toBe(127);
  });

  test("on Alpine's tools", async () => {
    const folder = project(daemon, {
      ...source,
      Dockerfile: `# Stage 1: Build Stage
FROM golang:1.18 AS builder
WORKDIR /app
COPY . ./
RUN go mod tidy
RUN go build -o app .

# Stage 2: Final Stage
FROM alpine:latest
WORKDIR /app
COPY --from=builder /app/app .
EXPOSE 8080
CMD ["./app"]
`,
    });
    await buildOk(daemon, folder, ["-t", "go-alpine"], { seconds: 250 });
    expect(await daemon.out("run", "--rm", "go-alpine")).toBe("Hello from Go");
    expect(await daemon.out("run", "--rm", "go-alpine", "ls")).toBe("app");
  });
});

describe("Java", () => {
  test("compiled in one stage, run in the next", async () => {
    const folder = project(daemon, {
      Dockerfile: `# First Stage: Build Stage
FROM openjdk:8-jdk as build

# Working Directory where all code will be kept
WORKDIR /app/

# Copy the app to the current directory of the build stage
COPY Hello.java .

# Compile code
RUN javac Hello.java

# Second Stage: Runtime Stage
FROM openjdk:8-jdk-alpine

# Set the working directory for the second stage
WORKDIR /app/

# Copy the compiled code from the build stage to the runtime stage
COPY --from=build /app/ .

# Run java compiled code
CMD ["java", "Hello"]
`,
      "Hello.java":
        'public class Hello { public static void main(String[] a) { System.out.println("Hello from Java"); } }\n',
    });
    await buildOk(daemon, folder, ["-t", "java"], { seconds: 250 });
    expect(await daemon.out("run", "--rm", "java")).toBe("Hello from Java");
    expect(await daemon.out("run", "--rm", "java", "ls")).toBe("Hello.class\nHello.java");
  });
});
