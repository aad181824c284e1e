/** Makes the policy of an agreement from an offer and what a subscriber asked for: never more than the offer, often less. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import { resolveAddress } from '../govern/index.ts';
import type { ChannelTerms, Constraint, OfferTerms, StageRule } from '../odrl/index.ts';
import { policyProfile } from '../odrl/index.ts';

/** What is asked for. */
export interface Asked {
  readonly agreement: string;
  readonly assignee: string;
  readonly purpose: string;
  /** Paths of top-level fields, such as `/cost`; null for all that the offer lets out. */
  readonly fields: readonly string[] | null;
  /** The first moment when nothing is wanted any more, milliseconds since the epoch; null for as long as the offer. */
  readonly untilMs: number | null;
}

/**
 * An ODRL Agreement as JSON. `schema` is the one that the offer's rules are planned on. Fails with `request-invalid` for a field that is
 * not there, a purpose that the offer does not allow or a period past its end.
 */
export function narrowOffer(offer: OfferTerms, asked: Asked, schema: AvroSchema): Result<Readonly<Record<string, unknown>>> {
  const { usage } = offer;
  if (usage.purposes !== null && !usage.purposes.includes(asked.purpose))
    return fail('request-invalid', `the offer is for ${usage.purposes.join(', ')}`, '/purpose');
  if (asked.untilMs !== null && usage.endsAtMs !== null && asked.untilMs > usage.endsAtMs)
    return fail('request-invalid', `the offer ends at ${new Date(usage.endsAtMs).toISOString()}`, '/until');
  const narrowed = asked.fields === null ? ok(offer) : narrowFields(offer, asked.fields, schema);
  if (!narrowed.ok) return narrowed;
  return ok({
    '@context': 'http://www.w3.org/ns/odrl.jsonld',
    '@type': 'Agreement',
    'uid': asked.agreement,
    'profile': policyProfile,
    'permission': [
      {
        target: offer.dataset,
        assigner: offer.assigner,
        assignee: asked.assignee,
        action: 'distribute',
        constraint: constraintsOf(offer, asked),
        duty: [
          {
            action: 'govern',
            channels: channelsOf(narrowed.value.channels),
            stages: narrowed.value.rules.map(ruleOf),
          },
          ...usage.duties.map((action) => (action === 'delete' ? { action, proof: true } : { action })),
        ],
      },
    ],
    ...(usage.mayRedistribute ? {} : { prohibition: [{ target: `${offer.dataset}/governed`, action: 'distribute' }] }),
  });
}

type Written = Omit<Constraint, 'enforcedBy'>;

function constraintsOf({ constraints }: OfferTerms, { purpose, untilMs }: Asked): Written[] {
  const kept = constraints
    .filter(
      ({ leftOperand, operator }) =>
        leftOperand !== 'purpose' && !(untilMs !== null && leftOperand === 'dateTime' && operator === 'lt'),
    )
    .map(({ leftOperand, operator, rightOperand }) => ({ leftOperand, operator, rightOperand }));
  return [
    { leftOperand: 'purpose', operator: 'eq', rightOperand: purpose },
    ...kept,
    ...(untilMs === null ? [] : [{ leftOperand: 'dateTime', operator: 'lt', rightOperand: new Date(untilMs).toISOString() }]),
  ];
}

interface Governing {
  readonly rules: readonly StageRule[];
  readonly channels: ChannelTerms;
}

/** Every rule about a field that is not wanted is cut out, and the field is dropped. */
function narrowFields(offer: Governing, wanted: readonly string[], schema: AvroSchema): Result<Governing> {
  if (schema.root.kind !== 'record') return fail('plan-invalid', 'the schema is not a record');
  const all = schema.root.fields.map(({ name }) => `/${name}`);
  const absent = wanted.find((path) => !all.includes(path));
  if (absent !== undefined) return fail('request-invalid', `there is no field ${absent}`, '/fields');
  if (wanted.length === 0) return fail('request-invalid', 'no field is asked for', '/fields');
  const unwanted = all.filter((path) => !wanted.includes(path));
  const isUnwanted = (path: string): boolean => unwanted.some((field) => path === field || isInside(path, field));
  const rules: StageRule[] = [];
  for (const rule of offer.rules) {
    const left: string[] = [];
    for (const address of rule.at) {
      const places = resolveAddress(schema, address);
      if (!places.ok) return places;
      const paths = places.value.map(({ path }) => path);
      const kept = paths.filter((path) => !isUnwanted(path));
      // An address of which nothing is cut out stays as it was written.
      left.push(...(kept.length === paths.length ? [address] : kept));
    }
    if (rule.at.length === 0 || left.length > 0) rules.push({ ...rule, at: left });
  }
  if (unwanted.length > 0) rules.push({ stage: 'drop', at: unwanted, with: {}, else: 'refuse' });
  return ok({ rules, channels: withoutKeyOf(offer.channels, isUnwanted) });
}

/** `/patient/phone`, `/orders[]/id` and the like are inside of the field that they begin with. */
const isInside = (path: string, field: string): boolean =>
  path.startsWith(field) && ['/', '[', '{', '<'].includes(path.charAt(field.length));

/** A key that repeats a field which does not leave any more is dropped, and so are headers that repeat the key. */
function withoutKeyOf(channels: ChannelTerms, isUnwanted: (path: string) => boolean): ChannelTerms {
  const { key, timestamp, headers = [] } = channels;
  if (typeof key === 'string' || !isUnwanted(key.repeats)) return channels;
  const kept = headers.filter((term) => 'keep' in term);
  return { key: 'drop', timestamp, ...(kept.length === 0 ? {} : { headers: kept }) };
}

const channelsOf = ({ key, timestamp, headers }: ChannelTerms): Readonly<Record<string, unknown>> => ({
  key,
  timestamp,
  ...(headers === undefined || headers.length === 0 ? {} : { headers }),
});

const ruleOf = ({ stage, at, with: config, else: otherwise }: StageRule): Readonly<Record<string, unknown>> => ({
  stage,
  ...(at.length === 0 ? {} : { at }),
  ...(Object.keys(config).length === 0 ? {} : { with: config }),
  ...(otherwise === 'refuse' ? {} : { else: otherwise }),
});
