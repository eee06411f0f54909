import { describe, expect, test } from "bun:test";
import type { HostConfig } from "@berth/api";
import { buildSpec } from "./build.ts";
import type { SpecInput } from "./input.ts";
import { specHost, specInput } from "./testing/fixtures.ts";

/* Facts from the config.json that dockerd 20.10.24 and 26.1.5 write for the same options. */

const specOf = (host: Partial<HostConfig> = {}, changes: Partial<Omit<SpecInput, "hostConfig">> = {}) =>
  buildSpec(specInput(host, changes)).spec;
const destinations = (spec: ReturnType<typeof specOf>) => spec.mounts.map((mount) => mount.destination);
const mountAt = (spec: ReturnType<typeof specOf>, path: string) =>
  spec.mounts.find((mount) => mount.destination === path);

describe("mounts", () => {
  const bind = { type: "bind" as const, source: "/srv/x", readOnly: false, propagation: "rprivate" as const };

  test("deeper ones come later, whatever the order they were asked in", () => {
    const spec = specOf(
      {},
      {
        mounts: [
          { ...bind, destination: "/a/b/c", readOnly: true },
          { ...bind, destination: "/a" },
        ],
      },
    );
    expect(destinations(spec).slice(7)).toEqual([
      "/a",
      "/etc/resolv.conf",
      "/etc/hostname",
      "/etc/hosts",
      "/a/b/c",
    ]);
    expect(mountAt(spec, "/a/b/c")?.options).toEqual(["rbind", "rro", "rprivate"]);
    expect(mountAt(spec, "/a")?.options).toEqual(["rbind", "rprivate"]);
  });

  test("a user's mount replaces the default, a user's /dev all below it", () => {
    expect(
      destinations(specOf({}, { mounts: [{ ...bind, destination: "/sys" }] })).filter(
        (path) => path === "/sys",
      ),
    ).toHaveLength(1);
    const spec = specOf({}, { mounts: [{ ...bind, destination: "/dev" }] });
    expect(destinations(spec)).toEqual([
      "/proc",
      "/sys",
      "/sys/fs/cgroup",
      "/dev",
      "/etc/resolv.conf",
      "/etc/hostname",
      "/etc/hosts",
    ]);
    const hosts = specOf({}, { mounts: [{ ...bind, destination: "/etc/hosts" }] });
    expect(mountAt(hosts, "/etc/hosts")?.source).toBe("/srv/x");
    expect(destinations(hosts).filter((path) => path === "/etc/hosts")).toHaveLength(1);
  });

  test("kernels before 5.12 cannot make what lies below read-only", () => {
    const host = specHost({ kernel: "5.10.0-28-amd64" });
    const mounts = [{ ...bind, destination: "/a", readOnly: true }];
    expect(mountAt(specOf({}, { host, mounts }), "/a")?.options).toEqual(["rbind", "ro", "rprivate"]);
    expect(() => specOf({}, { host, mounts: [{ ...mounts[0]!, readOnlyForceRecursive: true }] })).toThrow(
      "5.12",
    );
    const plain = [{ ...mounts[0]!, readOnlyNonRecursive: true }];
    expect(mountAt(specOf({}, { mounts: plain }), "/a")?.options).toEqual(["rbind", "ro", "rprivate"]);
  });

  test("volumes, with options too, and binds without what lies below", () => {
    const spec = specOf(
      {},
      {
        mounts: [
          { type: "volume", source: "/v/_data", destination: "/v", readOnly: false },
          {
            type: "volume",
            source: "server:/x",
            destination: "/n",
            readOnly: true,
            filesystem: "nfs",
            options: ["addr=1.2.3.4"],
          },
          { ...bind, destination: "/b", nonRecursive: true },
        ],
      },
    );
    expect(mountAt(spec, "/v")).toEqual({
      destination: "/v",
      type: "bind",
      source: "/v/_data",
      options: ["rbind"],
    });
    expect(mountAt(spec, "/n")).toEqual({
      destination: "/n",
      type: "nfs",
      source: "server:/x",
      options: ["addr=1.2.3.4", "ro"],
    });
    expect(mountAt(spec, "/b")?.options).toEqual(["bind", "rprivate"]);
  });

  test("shared and slave binds need such a mount on the host", () => {
    const at = (source: string, propagation: "rshared" | "rslave") => ({
      mounts: [{ ...bind, source, propagation, destination: "/p" }],
    });
    const spec = specOf({}, at("/srv/shared/x", "rshared"));
    expect(spec.linux.rootfsPropagation).toBe("shared");
    expect(mountAt(spec, "/p")?.options).toEqual(["rbind", "rshared"]);
    expect(specOf({}, at("/srv/shared", "rslave")).linux.rootfsPropagation).toBe("rslave");
    expect(() => specOf({}, at("/srv/x", "rshared"))).toThrow(
      "path /srv/x is mounted on / but it is not a shared mount",
    );
    expect(() => specOf({}, at("/srv/sharedness", "rslave"))).toThrow(
      "path /srv/sharedness is mounted on / but it is not a shared or slave mount",
    );
    expect(specOf({}, { mounts: [{ ...bind, destination: "/p" }] }).linux).not.toHaveProperty(
      "rootfsPropagation",
    );
  });

  test("tmpfs: what is asked wins over the defaults", () => {
    const options = (...asked: string[]) =>
      mountAt(
        specOf(
          {},
          { mounts: [{ type: "tmpfs", source: "", destination: "/t", readOnly: false, options: asked }] },
        ),
        "/t",
      )?.options;
    expect(options()).toEqual(["noexec", "nosuid", "nodev", "rprivate"]);
    expect(options("rw", "noexec", "size=1m", "mode=700")).toEqual([
      "nosuid",
      "nodev",
      "rprivate",
      "rw",
      "noexec",
      "size=1m",
      "mode=700",
    ]);
    expect(options("exec", "dev", "suid", "uid=5", "nr_inodes=5", "rw", "ro", "noatime")).toEqual([
      "rprivate",
      "exec",
      "dev",
      "suid",
      "uid=5",
      "nr_inodes=5",
      "ro",
      "noatime",
    ]);
    expect(() => options("foo=bar")).toThrow('invalid tmpfs option ["foo" "bar"]');
    expect(() => options("huge")).toThrow('invalid tmpfs option ["huge"]');
  });

  test("a read-only root filesystem", () => {
    const spec = specOf({ ReadonlyRootfs: true });
    expect(spec.root.readonly).toBe(true);
    expect(mountAt(spec, "/etc/hosts")?.options).toContain("ro");
    expect(mountAt(spec, "/dev/shm")?.options).not.toContain("ro");
  });
});
