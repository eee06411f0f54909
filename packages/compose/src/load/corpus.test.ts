/**
 * Real files from public repositories, against what Docker Compose 2.26.1 prints for them. They lie in a folder beside the
 * repository; without it the test is skipped.
 */
import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { renderProject } from "../print/render.ts";
import { loadProject } from "./load.ts";

const CORPUS = resolve(import.meta.dir, "../../../../../shared/corpus/compose");
const root = mkdtempSync(join(tmpdir(), "berth-compose-corpus-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Files beside the one under test that its result depends on. */
const BESIDE: Readonly<Record<string, Record<string, string>>> = {
  "awesome-compose_plex_compose.yaml": { ".env": "PLEX_MEDIA_PATH=/media/your/plex/path\n" },
  "awesome-compose_postgresql-pgadmin_compose.yaml": {
    ".env":
      "POSTGRES_USER=yourUser\nPOSTGRES_PW=changeit\nPOSTGRES_DB=postgres\nPGADMIN_MAIL=your@email.com\nPGADMIN_PW=changeit\n",
  },
  "awesome-compose_wireguard_compose.yaml": {
    ".env": "TIMEZONE=Etc/UTC\nVPN_SERVER_URL=your-domain.dyndns.com\n",
  },
  "compose-go_cli_testdata_env-file_compose-with-env-file.yaml": { "simple-env": "DEFAULT_PORT=8080\n" },
  "compose-go_loader_testdata_remote_compose.yaml": { env: "FOO=BAR\n" },
  "compose-go_loader_testdata_subdir_compose-test-extends-imported.yaml": { "extra.env": "SOURCE=extends\n" },
  "compose-go_loader_testdata_extends_withdir_dir_compose.yaml": {
    "base.yaml": "services: {test: {image: hello-world}}\n",
  },
  "compose-go_loader_testdata_compose-include.yaml": {
    "subdir/extra.env": "SOURCE=extends\n",
    "subdir/compose-test-extends-imported.yaml":
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of Compose
      "services:\n  imported:\n    image: nginx\n    container_name: ${SOURCE:-imported}\n    env_file: ./extra.env\n    volumes: [/opt/data:/var/lib/mysql]\n",
  },
  "compose-go_loader_testdata_compose-test-extends-with-context-url.yaml": {
    "compose-test-extends-with-context-url-imported.yaml":
      "services:\n  imported-with-https-url:\n    build: https://github.com/docker/compose.git\n",
  },
  "compose_tests_fixtures_default-env-file_docker-compose.yml": {
    ".env": "IMAGE=alpine:latest\nCOMMAND=true\nPORT1=5643\nPORT2=9999\n",
  },
  "compose_tests_fixtures_env-file-override_docker-compose.yml": {
    ".env.conf": "WHEREAMI=default\nDEFAULT_CONF_LOADED=true\n",
  },
};

const names = existsSync(CORPUS) ? readdirSync(CORPUS).filter((name) => !name.endsWith(".json")) : [];

// A file without any test would be taken for one that crashed.
test.skipIf(names.length === 0)("files of public repositories are there", () => {
  expect(names.filter((name) => !existsSync(join(CORPUS, `${name}.json`)))).toEqual([]);
  expect(names.length).toBeGreaterThanOrEqual(55);
});

test.each(names)("%s", async (name) => {
  const path = `/tmp/clients/src/${name.replaceAll("_", "/").replace("compose/tests/fixtures", "compose/tests/fixtures")}`;
  const folder = join(root, dirname(path));
  mkdirSync(folder, { recursive: true });
  const file = join(root, path);
  writeFileSync(file, readFileSync(join(CORPUS, name)));
  for (const [beside, text] of Object.entries(BESIDE[name] ?? {})) {
    mkdirSync(dirname(join(folder, beside)), { recursive: true });
    writeFileSync(join(folder, beside), text);
  }
  const { project } = await loadProject({
    files: [file],
    projectName: "x",
    projectDirectory: undefined,
    envFiles: [],
    profiles: [],
    environment: { HOME: "/root" },
    workingDirectory: root,
  });
  const printed = renderProject(project, "json").replaceAll("$", "$$$$").replaceAll(root, "").trimEnd();
  expect(printed).toBe(readFileSync(join(CORPUS, `${name}.json`), "utf8").trimEnd());
});
