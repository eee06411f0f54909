/** Projects as people have them, built for real and run: the Dockerfiles of tutorials on stand-ins for their base images. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { buildOk, project } from "../harness/project.ts";
import { addToolchain, hasToolchain, type Toolchain } from "../harness/toolchains.ts";

let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox", "debian:bookworm"] });
}, 300_000);
afterAll(() => daemon?.stop(), 60_000);

const MINUTES = 5 * 60_000;
/** Only where this machine has what the stand-in is made of. */
const withTools = (...names: Toolchain[]) => test.skipIf(!names.every(hasToolchain));

describe("Python", () => {
  const app = `import greeting\nimport os\nprint(greeting.hello(), os.environ["APP_ENV"], os.getcwd())\n`;
  const greeting = {
    "greeting/setup.py":
      'from setuptools import setup\nsetup(name="greeting", version="1.0", py_modules=["greeting"])\n',
    "greeting/greeting.py": 'def hello():\n    return "hello from a package"\n',
  };
  withTools("python:3.9-slim")(
    "pip install of a requirements file, then the application",
    async () => {
      await addToolchain(daemon, "python:3.9-slim");
      const folder = project(daemon, {
        Dockerfile: `FROM python:3.9-slim

# Set metadata
LABEL maintainer="youremail@example.com"
LABEL version="1.0"
ENV APP_ENV=production
WORKDIR /app
COPY requirements.txt .
COPY greeting greeting
RUN pip install --no-cache-dir --no-index --no-build-isolation -r requirements.txt
COPY . .
EXPOSE 5000
CMD ["python", "app.py"]
`,
        "requirements.txt": "./greeting\n",
        "app.py": app,
        ".dockerignore": "**/__pycache__\nnotes\n",
        "notes/private": "x",
        ...greeting,
      });
      await buildOk(daemon, folder, ["-t", "python-app"], { seconds: 200 });
      expect(await daemon.out("run", "--rm", "python-app")).toBe("hello from a package production /app");
      expect(await daemon.out("run", "--rm", "python-app", "ls")).not.toContain("notes");
      expect(await daemon.out("image", "inspect", "-f", "{{.Config.Labels.version}}", "python-app")).toBe(
        "1.0",
      );
      // What has not changed is not done again: pip does not run for a change of the application.
      await Bun.write(`${folder}/app.py`, 'print("changed")\n');
      const again = await buildOk(daemon, folder, ["-t", "python-app"]);
      expect(again.stdout + again.stderr).toMatch(/CACHED/);
      expect(again.stdout + again.stderr).not.toContain("Successfully installed");
      expect(await daemon.out("run", "--rm", "python-app")).toBe("changed");
    },
    MINUTES,
  );
});

describe("Node", () => {
  withTools("node:16", "nginx:latest")(
    "npm install, build, static files in nginx",
    async () => {
      await addToolchain(daemon, "node:16");
      await addToolchain(daemon, "nginx:latest");
      const folder = project(daemon, {
        Dockerfile: `FROM node:16 AS builder
WORKDIR /app
COPY package.json ./
COPY lib ./lib
RUN npm install --offline --no-audit --no-fund
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
          dependencies: { title: "file:./lib" },
        }),
        "lib/package.json": JSON.stringify({ name: "title", version: "1.0.0", main: "index.js" }),
        "lib/index.js": "module.exports = () => 'made by node';\n",
        "build.js":
          "const fs = require('fs'); fs.mkdirSync('build'); fs.writeFileSync('build/index.html', `<h1>${require('title')()}</h1>`);\n",
        "node_modules/title/index.js": "module.exports = () => 'of the host';\n",
        ".dockerignore": "node_modules\nbuild\nDockerfile\n",
      });
      await buildOk(daemon, folder, ["-t", "web"], { seconds: 200 });
      await daemon.out("run", "-d", "--name", "web", "web");
      const page = await daemon.out(
        "run",
        "--rm",
        "--network",
        "container:web",
        "busybox",
        ...["sh", "-c", "for i in 1 2 3 4 5; do wget -qO- http://127.0.0.1/ && break; done"],
      );
      expect(page).toBe("<h1>made by node</h1>");
      expect(JSON.parse(await daemon.out("image", "inspect", "web"))[0].Config.Cmd[0]).toBe(
        "/usr/sbin/httpd",
      );
      await daemon.out("rm", "-f", "web");
    },
    MINUTES,
  );
});

describe("a static binary", () => {
  const source = `#include <stdio.h>
#ifndef VERSION
#define VERSION "none"
#endif
int main(int argc, char **argv) { printf("static %s %d\\n", VERSION, argc); return 0; }
`;
  withTools("gcc:12")(
    "compiled in one stage, alone in the other; and without a shell, as another user",
    async () => {
      await addToolchain(daemon, "gcc:12");
      const folder = project(daemon, {
        Dockerfile: `FROM gcc:12 AS build
ARG VERSION=dev
WORKDIR /src
COPY *.c .
RUN mkdir /out && gcc -static -O1 -DVERSION="\\"$VERSION\\"" -o /out/app main.c

FROM scratch AS final
COPY --from=build /out/app /app
USER 65532:65532
ENTRYPOINT ["/app"]
CMD ["one"]

FROM final AS extra
COPY --from=build --chown=65532:65532 /etc/passwd /etc/passwd
`,
        "main.c": source,
      });
      await buildOk(daemon, folder, ["-t", "static", "--target", "final", "--build-arg", "VERSION=1.2"], {
        seconds: 200,
      });
      expect(await daemon.out("run", "--rm", "static")).toBe("static 1.2 2");
      expect(await daemon.out("run", "--rm", "static", "a", "b")).toBe("static 1.2 3");
      const [inspect] = JSON.parse(await daemon.out("image", "inspect", "static"));
      expect(inspect.RootFS.Layers).toHaveLength(1);
      expect(inspect.Config.User).toBe("65532:65532");
      const shell = await daemon.run(["docker", "run", "--rm", "--entrypoint", "/bin/sh", "static"]);
      expect(shell.exitCode).toBe(127);
    },
    MINUTES,
  );
});

describe("Java", () => {
  withTools("openjdk:8-jdk")(
    "compiled in one stage, run in the next",
    async () => {
      await addToolchain(daemon, "openjdk:8-jdk");
      const folder = project(daemon, {
        Dockerfile: `FROM openjdk:8-jdk as build
# Working Directory where all code will be kept
WORKDIR /app/
COPY Hello.java .
RUN javac Hello.java

# Second Stage: Runtime Stage
FROM openjdk:8-jdk
WORKDIR /app/
COPY --from=build /app/Hello.class .
CMD ["java", "Hello"]
`,
        "Hello.java":
          'public class Hello { public static void main(String[] a) { System.out.println("Hello from Java"); } }\n',
      });
      await buildOk(daemon, folder, ["-t", "java"], { seconds: 250 });
      expect(await daemon.out("run", "--rm", "java")).toBe("Hello from Java");
      expect(await daemon.out("run", "--rm", "java", "ls")).toBe("Hello.class");
    },
    MINUTES,
  );
});
