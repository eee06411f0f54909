/** Whether a text is an IPv4 or IPv6 address, without a zone. */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

export function isIpv6(text: string): boolean {
  if (!text.includes(":") || text.length > 45) return false;
  const tail = text.slice(text.lastIndexOf(":") + 1);
  let groupsText = text;
  let extra = 0;
  if (tail.includes(".")) {
    if (!isIpv4(tail)) return false;
    groupsText = text.slice(0, text.lastIndexOf(":") + 1) + "0";
    extra = 1;
  }
  const halves = groupsText.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length + extra <= 7 : groups.length + extra === 8;
}

/** An address in its canonical form, as Go prints it. */
export function canonicalIp(text: string): string {
  if (isIpv4(text)) return text;
  const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (mapped === null) return host;
  const bytes = [mapped[1]!, mapped[2]!].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join(".");
}

/** Whether a text is a 48, 64 or 160 bit hardware address. */
export function isMacAddress(text: string): boolean {
  return (
    /^[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\1[0-9a-fA-F]{2}){4}((\1[0-9a-fA-F]{2}){2}|(\1[0-9a-fA-F]{2}){14})?$/.test(
      text,
    ) || /^[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}((\.[0-9a-fA-F]{4})|(\.[0-9a-fA-F]{4}){7})?$/.test(text)
  );
}
