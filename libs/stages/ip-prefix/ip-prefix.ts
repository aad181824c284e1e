/** Zeroes the end of an IP address, which says whose line or device it is, and keeps the network. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { parseIpAddress, writtenIpAddress } from '../../identifiers/index.ts';
import { refusal, text } from '../planning.ts';

const stage = 'ip-prefix';

const config = z.strictObject({
  ipv4: z.int().min(0).max(32).default(24).describe('Bits of an IPv4 address that are kept'),
  ipv6: z.int().min(0).max(128).default(48).describe('Bits of an IPv6 address that are kept'),
});

/**
 * The bits behind the kept ones become zero; the result is in canonical form, so that one network has one text. An IPv4 address that is mapped
 * into IPv6 is cut as the IPv4 address that it is. What is no address does not fit, nor one with a zone, a port or a length.
 * Source: RFC 791, RFC 4291 section 2.2, RFC 5952 sections 4 and 5; GB/T 37964-2019, generalization.
 */
export const ipPrefix = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Zeroes the end of an IP address: by default all behind /24 of IPv4 and /48 of IPv6.',
  facts: {
    reversible: 'no: the zeroed bits are gone',
    bias: 'none for counts by network; counts of distinct addresses are low',
    informationLoss: 'the device or line within the network; a small network may still be one household',
    cost: 'a microsecond or two: text on the host',
  },
  config,
  plan(field, { ipv4, ipv6 }) {
    if (field.type.kind !== 'string') return refusal(stage, field, 'it needs a text');
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'result',
        lower: { op: 'host' },
        reference: () => networkOf(ipv4, ipv6),
      },
      decision: {
        happens: `cut to its network: /${ipv4} of IPv4, /${ipv6} of IPv6, the rest zero`,
        reversible: 'no',
        informationLost: 'the address within the network',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization; RFC 5952',
      },
    });
  },
  atLeast({ ipv4, ipv6 }, { own }) {
    if (own === undefined) return 'incomparable';
    return ipv4 <= own.ipv4 && ipv6 <= own.ipv6 ? 'yes' : 'no';
  },
});

function networkOf(ipv4: number, ipv6: number): Reference {
  return (value) => {
    const address = typeof value === 'string' ? parseIpAddress(value) : null;
    if (address === null) return unfit;
    const { form, bits } = address;
    const dropped = BigInt(form === 'ipv6' ? 128 - ipv6 : 32 - ipv4);
    return writtenIpAddress({ form, bits: (bits >> dropped) << dropped });
  };
}
