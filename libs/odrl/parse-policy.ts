/**
 * Parses an ODRL 2.2 Set, Offer or Agreement of the profile `urn:sluice:odrl:1` and evaluates it to terms. Unknown members are refused: a condition
 * that nobody reads must not look agreed. Source: W3C ODRL Information Model 2.2, sections 2.1 (Policy), 2.5 (Constraint), 2.6 (Rule).
 */
import { z } from 'zod';
import type { Result } from '../base/index.ts';
import { fail, ok, parseId } from '../base/index.ts';
import { checkShape, pointerTo } from './check-shape.ts';
import type { Enforcer } from './enforcers.ts';
import { builtInEnforcers } from './enforcers.ts';
import { headerFault, sortedHeaders } from './header-terms.ts';
import { readConstraints, writtenConstraint } from './read-constraints.ts';
import type { AgreementTerms, BaselineTerms, ChannelTerms, OfferTerms, PolicyTerms, StageRule, UsageDuty } from './terms.ts';

export const policyProfile = 'urn:sluice:odrl:1';

const fieldPath = z
  .string()
  .max(512)
  .regex(/^(?:\/[A-Za-z_][A-Za-z0-9_]*)+$/, 'a field path such as /patient/phone is expected');
/** Names such as `cn.Phone`, and the parts of a path: fields, items, values, keys of a map, and branches. */
const typeName = '[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*';
const pathPart = `(?:/[A-Za-z_][A-Za-z0-9_]*|\\[\\]|\\{\\}|\\{key\\}|<${typeName}>)`;
const address = z
  .string()
  .max(512)
  .regex(
    new RegExp(
      `^(?:/[A-Za-z_][A-Za-z0-9_]*${pathPart}*|type:${typeName}(?:${pathPart}+)?|type:[a-z][a-z-]*|tag:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$`,
    ),
    'a path such as /orders[]/buyer/phone, type:cn.Phone/number, type:date or tag:direct-identifier is expected',
  );
const otherwise = z.union([
  z.literal('refuse'),
  z.literal('null'),
  z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
]);

const stageRule = z.strictObject({
  stage: z.string().regex(/^[a-z][a-z-]{0,31}$/),
  at: z.union([address, z.array(address).min(1).max(2_000)]).optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  else: otherwise.optional(),
});

const headerTerm = z.union([
  z.strictObject({ name: z.string(), keep: z.literal(true) }),
  z.strictObject({ name: z.string(), repeats: z.literal('key') }),
]);

const channels = z.strictObject({
  key: z.union([z.literal('drop'), z.literal('keep'), z.strictObject({ repeats: fieldPath })]).optional(),
  timestamp: z.enum(['keep', 'drop']).optional(),
  headers: z.union([z.literal('drop'), z.array(headerTerm).min(1)]).optional(),
});

const duty = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('govern'),
    channels: channels.optional(),
    stages: z.array(stageRule).min(1).max(500),
  }),
  z.strictObject({ action: z.literal('attribute') }),
  z.strictObject({ action: z.literal('delete'), proof: z.literal(true) }),
  z.strictObject({ action: z.literal('watermark') }),
]);
type Duty = z.infer<typeof duty>;

const permitted = {
  target: z.string(),
  action: z.literal('distribute'),
  constraint: z.array(writtenConstraint).max(32).optional(),
};
const duties = z.array(duty).min(1).max(8);

/** What the subscriber must not do with what it received, which is `<target>/governed`: pass it on. */
const prohibition = z
  .array(z.strictObject({ target: z.string(), action: z.literal('distribute') }))
  .length(1)
  .optional();

const head = {
  '@context': z.literal('http://www.w3.org/ns/odrl.jsonld'),
  uid: z.string(),
  profile: z.literal(policyProfile),
};

const agreement = z.strictObject({
  ...head,
  '@type': z.literal('Agreement'),
  permission: z
    .array(
      z.strictObject({
        ...permitted,
        assigner: z.string(),
        assignee: z.string(),
        duty: duties,
      }),
    )
    .length(1),
  prohibition,
});
const offer = z.strictObject({
  ...head,
  '@type': z.literal('Offer'),
  permission: z.array(z.strictObject({ ...permitted, assigner: z.string(), duty: duties })).length(1),
  prohibition,
});
const baseline = z.strictObject({
  ...head,
  '@type': z.literal('Set'),
  permission: z.array(z.strictObject({ ...permitted, duty: duties.optional() })).length(1),
  prohibition,
});

/** The pointer of the one permission. */
const granting = '/permission/0';

/**
 * An Agreement's terms. `enforcers` are those of the installation. Fails with `policy-invalid` or `policy-unenforceable`, with the JSON pointer of the
 * error, in a time that the limits of a policy bound.
 */
export function parsePolicy(input: unknown, enforcers: ReadonlySet<Enforcer> = builtInEnforcers): Result<AgreementTerms> {
  const written = readWritten(agreement, input);
  if (!written.ok) return written;
  const { uid, permission } = written.value;
  const [granted] = permission;
  if (granted === undefined) return invalid('/permission', 'one permission is expected');
  const { assigner, assignee } = granted;
  const named = checkIds([
    ['an agreement id', uid, '/uid'],
    ['a participant id', assigner, `${granting}/assigner`],
    ['a participant id', assignee, `${granting}/assignee`],
  ]);
  if (!named.ok) return named;
  const terms = toTerms(written.value, granted, enforcers, true);
  return terms.ok ? ok({ agreement: uid, assigner, assignee, ...terms.value }) : terms;
}

/** An Offer's terms. Fails as `parsePolicy` does. */
export function parseOffer(input: unknown, enforcers: ReadonlySet<Enforcer> = builtInEnforcers): Result<OfferTerms> {
  const written = readWritten(offer, input);
  if (!written.ok) return written;
  const { uid, permission } = written.value;
  const [granted] = permission;
  if (granted === undefined) return invalid('/permission', 'one permission is expected');
  const { assigner } = granted;
  const named = checkIds([
    ['an offer id', uid, '/uid'],
    ['a participant id', assigner, `${granting}/assigner`],
  ]);
  if (!named.ok) return named;
  const terms = toTerms(written.value, granted, enforcers, true);
  return terms.ok ? ok({ offer: uid, assigner, ...terms.value }) : terms;
}

/** A Set's terms; its uid is the dataset's id. Without a duty `govern` no place is named, and the channels are closed. Fails as `parsePolicy` does. */
export function parseBaseline(input: unknown, enforcers: ReadonlySet<Enforcer> = builtInEnforcers): Result<BaselineTerms> {
  const written = readWritten(baseline, input);
  if (!written.ok) return written;
  const { uid, permission } = written.value;
  const [granted] = permission;
  if (granted === undefined) return invalid('/permission', 'one permission is expected');
  if (uid !== granted.target) return invalid('/uid', 'the uid of a Set is the id of its dataset, which is its target');
  return toTerms(written.value, granted, enforcers, false);
}

function readWritten<T>(shape: z.ZodType<T>, input: unknown): Result<T> {
  const sound = checkShape(input);
  if (!sound.ok) return sound;
  const parsed = shape.safeParse(input);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  const at = (issue?.path ?? []).reduce<string>((above, part) => pointerTo(above, String(part)), '');
  return invalid(at === '' ? '/' : at, issue?.message.slice(0, 300) ?? 'malformed');
}

const invalid = (at: string, why: string): Result<never> => fail('policy-invalid', `parsing policy: ${at}: ${why}`, at);

function checkIds(ids: readonly (readonly [kind: string, id: string, at: string])[]): Result<void> {
  for (const [kind, id, at] of ids) {
    const valid = parseId(kind, id);
    if (!valid.ok) return invalid(at, valid.failure.message);
  }
  return ok(undefined);
}

interface Granted {
  readonly target: string;
  readonly constraint?: readonly z.infer<typeof writtenConstraint>[] | undefined;
  readonly duty?: readonly Duty[] | undefined;
}

function toTerms(
  { prohibition: prohibited }: { readonly prohibition?: z.infer<typeof prohibition> },
  { target, constraint = [], duty: owed = [] }: Granted,
  enforcers: ReadonlySet<Enforcer>,
  mustGovern: boolean,
): Result<PolicyTerms> {
  const named = checkIds([['a dataset id', target, `${granting}/target`]]);
  if (!named.ok) return named;
  if (prohibited?.[0] !== undefined && prohibited[0].target !== `${target}/governed`)
    return invalid('/prohibition/0/target', `what must not be passed on is ${target}/governed`);
  const read = readConstraints(constraint, `${granting}/constraint`, enforcers);
  if (!read.ok) return read;
  const checked = checkDuties(owed, mustGovern);
  if (!checked.ok) return checked;
  const at = owed.findIndex(({ action }) => action === 'govern');
  const govern = owed.find((one) => one.action === 'govern');
  const channelTerms = toChannels(govern?.channels ?? {}, at);
  if (!channelTerms.ok) return channelTerms;
  return ok({
    dataset: target,
    constraints: read.value.constraints,
    usage: {
      ...read.value.limits,
      mayRedistribute: prohibited === undefined,
      duties: owed.flatMap(({ action }): UsageDuty[] => (action === 'attribute' || action === 'delete' ? [action] : [])).sort(),
    },
    rules: (govern?.stages ?? []).map(toRule),
    channels: channelTerms.value,
  });
}

function checkDuties(owed: readonly Duty[], mustGovern: boolean): Result<void> {
  for (const [index, { action }] of owed.entries()) {
    const here = `${granting}/duty/${index}`;
    if (action === 'watermark') return fail('policy-unenforceable', `parsing policy: ${here}: nothing puts watermarks in`, here);
    if (owed.findIndex((other) => other.action === action) !== index) return invalid(here, 'an earlier duty is the same');
  }
  const governs = owed.some(({ action }) => action === 'govern');
  return governs || !mustGovern ? ok(undefined) : invalid(`${granting}/duty`, 'a duty to govern is expected');
}

function toChannels(
  { key = 'drop', timestamp = 'keep', headers = 'drop' }: z.infer<typeof channels>,
  duty: number,
): Result<ChannelTerms> {
  if (headers === 'drop') return ok({ key, timestamp });
  const fault = headerFault(headers, key);
  if (fault === undefined) return ok({ key, timestamp, headers: sortedHeaders(headers) });
  return invalid(`${granting}/duty/${duty}/channels/headers/${fault.index}`, fault.why);
}

function toRule(rule: z.infer<typeof stageRule>): StageRule {
  return {
    stage: rule.stage,
    at: rule.at === undefined ? [] : typeof rule.at === 'string' ? [rule.at] : rule.at,
    with: rule.with ?? {},
    else: rule.else ?? 'refuse',
  };
}
