import { describe, expect, test } from "bun:test";
import { OPTION, parseBridgeOptions } from "./options.ts";
import {
  embeddedContent,
  hostModeContent,
  parseResolvConf,
  plainContent,
  upstreamServers,
} from "./resolv-conf.ts";

describe("options of bridge networks", () => {
  test("are Docker's", () => {
    expect(parseBridgeOptions({})).toEqual({
      bridgeName: "",
      icc: true,
      masquerade: true,
      hostBinding: "",
      mtu: undefined,
      interfacePrefix: "eth",
      inhibitIpv4: false,
    });
    expect(
      parseBridgeOptions({
        [OPTION.bridgeName]: "br7",
        [OPTION.icc]: "False",
        [OPTION.masquerade]: "0",
        [OPTION.hostBinding]: "127.0.0.1",
        [OPTION.mtu]: "1400",
        [OPTION.interfacePrefix]: "net",
        [OPTION.inhibitIpv4]: "true",
        "some.other": "kept",
      }),
    ).toEqual({
      bridgeName: "br7",
      icc: false,
      masquerade: false,
      hostBinding: "127.0.0.1",
      mtu: 1400,
      interfacePrefix: "net",
      inhibitIpv4: true,
    });
    expect(parseBridgeOptions({ [OPTION.mtu]: "0" }).mtu).toBeUndefined();
  });

  test("that are wrong are refused as Docker does", () => {
    const of = (key: string, value: string) => () => parseBridgeOptions({ [key]: value });
    expect(of(OPTION.mtu, "foo")).toThrow(
      'failed to parse com.docker.network.driver.mtu value: foo (strconv.Atoi: parsing "foo": invalid syntax)',
    );
    expect(of(OPTION.icc, "foo")).toThrow(
      'failed to parse com.docker.network.bridge.enable_icc value: foo (strconv.ParseBool: parsing "foo": invalid syntax)',
    );
    expect(of(OPTION.hostBinding, "foo")).toThrow(
      "failed to parse com.docker.network.bridge.host_binding_ipv4 value: foo (nil ip)",
    );
    expect(of(OPTION.bridgeName, "br0123456789abcdefg")).toThrow(
      "failed to check bridge interface existence: numerical result out of range",
    );
    expect(of(OPTION.bridgeName, 'a"; drop')).toThrow("invalid bridge name");
    expect(of(OPTION.interfacePrefix, "a/b")).toThrow("invalid container interface prefix");
    expect(of(OPTION.mtu, "1")).toThrow("invalid MTU number: 1");
    expect(of("com.docker.network.bridge.gateway_mode_ipv4", "routed")).toThrow("is not supported");
  });
});

describe("resolv.conf", () => {
  const none = { servers: [], search: [], options: [] };
  const host = parseResolvConf(
    "# made by someone\ndomain old.net\nsearch a.net b.net\nnameserver 127.0.0.1\nnameserver 10.0.0.53 # near\nnameserver fd00::53\noptions timeout:1\noptions edns0\n",
  );

  test("is read", () => {
    expect(host).toMatchObject({
      servers: ["127.0.0.1", "10.0.0.53", "fd00::53"],
      search: ["a.net", "b.net"],
      options: ["timeout:1", "edns0"],
    });
  });

  test("of the default network: the host's without servers that are out of reach", () => {
    expect(plainContent(none, false, host)).toBe(
      "# made by someone\ndomain old.net\nsearch a.net b.net\nnameserver 10.0.0.53 # near\noptions timeout:1\noptions edns0\n",
    );
    expect(plainContent(none, true, host)).toContain("nameserver fd00::53\n");
    expect(plainContent(none, false, parseResolvConf("nameserver 127.0.0.53\n"))).toBe(
      "nameserver 8.8.8.8\nnameserver 8.8.4.4\n",
    );
    expect(plainContent(none, true, parseResolvConf(""))).toContain("nameserver 2001:4860:4860::8888\n");
    expect(
      plainContent({ servers: ["1.2.3.4"], search: ["foo.com"], options: ["timeout:3"] }, false, host),
    ).toBe("search foo.com\nnameserver 1.2.3.4\noptions timeout:3\n");
    expect(plainContent({ ...none, search: ["."] }, false, parseResolvConf("nameserver 10.0.0.1\n"))).toBe(
      "nameserver 10.0.0.1\n",
    );
  });

  test("of user-defined networks: the embedded server", () => {
    expect(embeddedContent(none, parseResolvConf("nameserver 10.0.0.1\n"))).toBe(
      "nameserver 127.0.0.11\noptions ndots:0\n",
    );
    expect(
      embeddedContent(
        { servers: ["1.2.3.4"], search: ["foo.com", "."], options: ["timeout:3", "ndots:2"] },
        host,
      ),
    ).toBe("search foo.com .\nnameserver 127.0.0.11\noptions timeout:3 ndots:2\n");
    expect(upstreamServers(none, host)).toEqual(["127.0.0.1", "10.0.0.53", "fd00::53"]);
    expect(upstreamServers({ ...none, servers: ["1.2.3.4"] }, host)).toEqual(["1.2.3.4"]);
    expect(upstreamServers(none, parseResolvConf(""))).toEqual(["8.8.8.8", "8.8.4.4"]);
  });

  test("of the host's network", () => {
    expect(hostModeContent(none, host)).toBe(host.text);
    expect(hostModeContent({ ...none, servers: ["1.2.3.4"] }, parseResolvConf(""))).toBe(
      "nameserver 1.2.3.4\n",
    );
  });
});
