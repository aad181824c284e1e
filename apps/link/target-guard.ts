/**
 * Where link may connect to on behalf of an agreement. A URL or a broker comes from a participant, link stands inside: without this it
 * could be made to ask our own services (server-side request forgery; OWASP API7:2023).
 */
import { lookup as resolve } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

/** `host:port` of targets that an operator trusts although they are private or speak plain http. */
export type TrustedTargets = Pick<ReadonlySet<string>, 'has'>;

/** Error code of a look-up that led to an address of ours. */
export const forbiddenAddress = 'EFORBIDDENADDRESS';

/** Everything that is not a public unicast address. Source: IANA special-purpose address registries for IPv4 (RFC 6890) and IPv6. */
const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(network, prefix, 'ipv4');
/** Of IPv6 only 2000::/3 is given out, and of that these are not for hosts of the internet, or hold an IPv4 address of any kind. */
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(network, prefix, 'ipv6');
const given = new BlockList();
given.addSubnet('2000::', 3, 'ipv6');

export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      return given.check(address, 'ipv6') && !special.check(address, 'ipv6');
    default:
      return false;
  }
}

/** What a connection to this URL has to use as its `lookup`; undefined where the target is trusted. Fails with `target-forbidden`. */
export function guardUrl(text: string, trusted: TrustedTargets): Result<{ url: URL; lookup: LookupFunction | undefined }> {
  if (!URL.canParse(text)) return fail('target-forbidden', 'the URL cannot be read');
  const url = new URL(text);
  const port = url.port === '' ? (url.protocol === 'http:' ? '80' : '443') : url.port;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (trusted.has(`${host}:${port}`) && /^https?:$/.test(url.protocol)) return ok({ url, lookup: undefined });
  if (url.protocol !== 'https:') return fail('target-forbidden', 'the URL must be https');
  if (url.username !== '' || url.password !== '') return fail('target-forbidden', 'the URL must not hold credentials');
  if (isIP(host) !== 0 && !isPublicAddress(host))
    return fail('target-forbidden', 'the URL leads to an address that is not public');
  return ok({ url, lookup: publicLookup });
}

/**
 * Whether brokers of a mirror may be connected to, `host:port` each. They are looked up here and once more by the client, and name other
 * brokers themselves: this keeps mistakes out, not a hostile name server; a network policy does that.
 */
export async function guardBrokers(brokers: readonly string[], trusted: TrustedTargets): Promise<Result<void>> {
  for (const broker of brokers) {
    if (trusted.has(broker)) continue;
    const host = broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '');
    const addresses = await lookupAll(host, { all: true }).catch(() => []);
    if (addresses.length === 0) return fail('broker-unreachable', 'a broker of the mirror has no address');
    if (addresses.some(({ address }) => !isPublicAddress(address)))
      return fail('target-forbidden', 'a broker of the mirror has an address that is not public');
  }
  return ok(undefined);
}

const lookupAll = promisify(resolve) as (host: string, options: { all: true }) => Promise<LookupAddress[]>;

/** Looks a name up once and lets the connection have just these addresses, so that a name that changes its mind gains nothing. */
const publicLookup: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, addresses) => {
    const first = error === null ? addresses[0] : undefined;
    if (error !== null || first === undefined) {
      callback(error ?? refused(), '', 0);
      return;
    }
    // One private address among them is enough: which one is taken is not ours to say.
    if (addresses.some(({ address }) => !isPublicAddress(address))) {
      callback(refused(), '', 0);
      return;
    }
    if (options.all === true) (callback as (e: null, all: LookupAddress[]) => void)(null, addresses);
    else callback(null, first.address, first.family);
  });
};

const refused = (): NodeJS.ErrnoException =>
  Object.assign(new Error('the name leads to an address that is not public'), { code: forbiddenAddress });
