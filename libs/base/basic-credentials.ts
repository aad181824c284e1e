/** Name and secret of an HTTP Basic header (RFC 7617). */
interface BasicCredentials {
  readonly name: string;
  readonly secret: string;
}

/** Null for a header that is none, or whose name is empty or holds a NUL, which no account's name does. */
export function parseBasic(header: string | undefined): BasicCredentials | null {
  const match = /^Basic ([A-Za-z0-9+/=]{1,2000})$/i.exec(header ?? '');
  if (match?.[1] === undefined) return null;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const name = text.slice(0, colon);
  return colon < 1 || name.includes('\0') ? null : { name, secret: text.slice(colon + 1) };
}
