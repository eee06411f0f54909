import { describe, expect, test } from "bun:test";
import { isMode } from "./mode.ts";
import { parseBind, parseMount, parseVolumesFrom, tmpfsMountOptions } from "./parse.ts";

const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

describe("-v", () => {
  test("target alone, volume, bind, mode", () => {
    expect(parseBind("/data", "")).toMatchObject({
      type: "volume",
      name: "",
      destination: "/data",
      copy: true,
    });
    expect(parseBind("vol:/data/", "")).toMatchObject({ type: "volume", name: "vol", destination: "/data" });
    expect(parseBind("/a/../b:/x:ro,Z", "")).toMatchObject({
      type: "bind",
      source: "/b",
      readWrite: false,
      mode: "ro,Z",
      propagation: "rprivate",
    });
    expect(parseBind("vol:/x:nocopy", "")).toMatchObject({ copy: false });
    expect(parseBind("/a:/x:rslave", "")).toMatchObject({ propagation: "rslave" });
  });

  // Each as dockerd 20.10.24 answered.
  test.each([
    ["/a:/b:/c:/d", "invalid volume specification: '/a:/b:/c:/d'"],
    ["/b:rw", "invalid volume specification: '/b:rw'"],
    ["/a:/b:zz", "invalid mode: zz"],
    [
      "/a:b",
      "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: 'b' mount path must be absolute",
    ],
    [
      "/a:/",
      "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
    ],
    [":/x", "invalid volume specification: ':/x'"],
    ["", "invalid volume specification: ''"],
    ["/a:/b:ro,rw", "invalid mode: ro,rw"],
    [
      "v:/b:rshared",
      "invalid volume specification: 'v:/b:rshared': invalid mount config for type \"volume\": field BindOptions must not be specified",
    ],
    [
      "/h:/b:nocopy",
      "invalid volume specification: '/h:/b:nocopy': invalid mount config for type \"bind\": field VolumeOptions must not be specified",
    ],
    ["/a:/b:z,Z", "invalid mode: z,Z"],
  ])("%s", (text, sentence) => {
    expect(message(() => parseBind(text, ""))).toBe(sentence);
  });

  test("any text is parsed or refused with a sentence of its own", () => {
    const letters = "/:.ab,rwz";
    for (let round = 0; round < 20_000; round++) {
      let text = "";
      for (let length = Math.random() * 12; length > 0; length--)
        text += letters[Math.floor(Math.random() * letters.length)];
      let parsed: ReturnType<typeof parseBind>;
      try {
        parsed = parseBind(text, "");
      } catch (error) {
        expect((error as Error).message).toMatch(/^invalid (volume specification|mode): /);
        continue;
      }
      expect(parsed.destination).toMatch(/^\/[^/]/);
      expect(parsed.destination).not.toMatch(/\/\.\.?(\/|$)|\/$|\/\//);
      expect(parsed.type).toBe(parsed.source === "" ? "volume" : "bind");
      expect(isMode(parsed.mode)).toBe(true);
      expect(parsed.readWrite).toBe(!parsed.mode.split(",").includes("ro"));
    }
  });
});

describe("--mount", () => {
  test.each([
    [
      { Type: "bind", Source: "/nope", Target: "/x" },
      'invalid mount config for type "bind": bind source path does not exist: /nope',
    ],
    [
      { Type: "bind", Source: "", Target: "/x" },
      'invalid mount config for type "bind": field Source must not be empty',
    ],
    [
      { Type: "bind", Source: "/tmp" },
      'invalid mount config for type "bind": field Target must not be empty',
    ],
    [
      { Type: "bind", Source: "rel", Target: "/x" },
      "invalid mount config for type \"bind\": invalid mount path: 'rel' mount path must be absolute",
    ],
    [
      { Type: "foo", Source: "/tmp", Target: "/x" },
      'invalid mount config for type "foo": mount type unknown',
    ],
    [{ Source: "/tmp", Target: "/x" }, 'invalid mount config for type "": mount type unknown'],
    [
      { Type: "bind", Source: "/tmp", Target: "/x", BindOptions: { Propagation: "zz" } },
      'invalid mount config for type "bind": invalid propagation mode: zz',
    ],
    [
      { Type: "volume", Target: "/x", ReadOnly: true },
      'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes',
    ],
    [
      { Type: "tmpfs", Source: "a", Target: "/x" },
      'invalid mount config for type "tmpfs": field Source must not be specified',
    ],
    [
      { Type: "npipe", Source: "a", Target: "/x" },
      'invalid mount config for type "npipe": mount type unknown',
    ],
    [
      { Type: "volume", Source: "v", Target: "/x", VolumeOptions: { Subpath: "../y" } },
      'invalid mount config for type "volume": subpath must be a relative path within the volume',
    ],
  ])("%j", (mount, sentence) => {
    expect(message(() => parseMount(mount as Parameters<typeof parseMount>[0]))).toBe(sentence);
  });

  test("a missing source is made when asked", () => {
    const mount = {
      Type: "bind",
      Source: "/nope",
      Target: "/x",
      BindOptions: { CreateMountpoint: true },
    } as const;
    expect(parseMount(mount)).toMatchObject({ source: "/nope", fromMountApi: true });
  });

  test("tmpfs options", () => {
    const mount = {
      Type: "tmpfs",
      Target: "/x",
      ReadOnly: true,
      TmpfsOptions: { SizeBytes: 1024, Mode: 0o700, Options: [["exec"]] },
    } as const;
    expect(tmpfsMountOptions(mount as never)).toEqual(["ro", "mode=700", "size=1024", "exec"]);
  });
});

test("--volumes-from", () => {
  expect(parseVolumesFrom("c")).toEqual({ container: "c", mode: "rw" });
  expect(parseVolumesFrom("c:ro,z")).toEqual({ container: "c", mode: "ro,z" });
  expect(message(() => parseVolumesFrom(""))).toBe("volumes-from specification cannot be an empty string");
  for (const mode of ["zz", "rshared", "nocopy"]) {
    expect(message(() => parseVolumesFrom(`c:${mode}`))).toBe(`invalid mode: ${mode}`);
  }
});
