/**
 * Parses an ODRL 2.2 Agreement of the profile `urn:sluice:odrl:1` and evaluates it to terms. Unknown members are refused: a condition that
 * nobody reads must not look agreed. Source: W3C ODRL Information Model 2.2, sections 2.1 (Policy), 2.5 (Constraint), 2.6 (Rule).
 */
import { z } from 'zod';
import type { Result } from '../base/index.ts';
import { fail, limits, ok, parseId } from '../base/index.ts';
import { headerFault, sortedHeaders } from './header-terms.ts';
import type { AgreementTerms, ChannelTerms, StageRule } from './terms.ts';

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
  at: z.union([address, z.array(address).min(1)]).optional(),
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

const constraint = z.strictObject({
  leftOperand: z.string(),
  operator: z.string(),
  rightOperand: z.string().max(512),
});

const policy = z.strictObject({
  '@context': z.literal('http://www.w3.org/ns/odrl.jsonld'),
  '@type': z.literal('Agreement'),
  uid: z.string(),
  profile: z.literal(policyProfile),
  permission: z
    .array(
      z.strictObject({
        target: z.string(),
        assigner: z.string(),
        assignee: z.string(),
        action: z.literal('distribute'),
        constraint: z.array(constraint).optional(),
        duty: z
          .array(
            z.strictObject({ action: z.literal('govern'), channels: channels.optional(), stages: z.array(stageRule).min(1) }),
          )
          .length(1),
      }),
    )
    .length(1),
});

/** Constraints that a contract enforces, not a machine; everything else is refused until something here enforces it. */
const contractual = new Set(['purpose', 'recipient']);

/** Fails with `policy-invalid` (with the JSON pointer of the error) or `policy-unenforceable`. */
export function parsePolicy(input: unknown): Result<AgreementTerms> {
  const size = JSON.stringify(input)?.length ?? 0;
  if (size > limits.policyBytesMax) return fail('policy-invalid', 'parsing policy: it is too large');
  const parsed = policy.safeParse(input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = `/${(issue?.path ?? []).join('/')}`;
    return fail('policy-invalid', `parsing policy: ${at}: ${issue?.message ?? 'malformed'}`, at);
  }
  const { uid, permission } = parsed.data;
  const [granted] = permission;
  const [duty] = granted?.duty ?? [];
  if (granted === undefined || duty === undefined)
    return fail('policy-invalid', 'parsing policy: one permission with one duty is expected');
  for (const [kind, id, at] of [
    ['an agreement id', uid, '/uid'],
    ['a dataset id', granted.target, '/permission/0/target'],
    ['a participant id', granted.assigner, '/permission/0/assigner'],
    ['a participant id', granted.assignee, '/permission/0/assignee'],
  ] as const) {
    const valid = parseId(kind, id);
    if (!valid.ok) return fail('policy-invalid', `parsing policy: ${at}: ${valid.failure.message}`, at);
  }
  const constraints = granted.constraint ?? [];
  for (const [index, { leftOperand, operator }] of constraints.entries()) {
    const at = `/permission/0/constraint/${index}`;
    if (!contractual.has(leftOperand) || operator !== 'eq') {
      return fail(
        'policy-unenforceable',
        `parsing policy: ${at}: nothing enforces ${leftOperand.slice(0, 64)} ${operator.slice(0, 32)}`,
        at,
      );
    }
  }
  const channelTerms = toChannels(duty.channels ?? {});
  if (!channelTerms.ok) return channelTerms;
  return ok({
    agreement: uid,
    dataset: granted.target,
    assigner: granted.assigner,
    assignee: granted.assignee,
    constraints: constraints.map((item) => ({ ...item, enforcedBy: 'contract' as const })),
    rules: duty.stages.map(toRule),
    channels: channelTerms.value,
  });
}

function toChannels({ key = 'drop', timestamp = 'keep', headers = 'drop' }: z.infer<typeof channels>): Result<ChannelTerms> {
  if (headers === 'drop') return ok({ key, timestamp });
  const fault = headerFault(headers, key);
  if (fault === undefined) return ok({ key, timestamp, headers: sortedHeaders(headers) });
  const at = `/permission/0/duty/0/channels/headers/${fault.index}`;
  return fail('policy-invalid', `parsing policy: ${at}: ${fault.why}`, at);
}

function toRule(rule: z.infer<typeof stageRule>): StageRule {
  return {
    stage: rule.stage,
    at: rule.at === undefined ? [] : typeof rule.at === 'string' ? [rule.at] : rule.at,
    with: rule.with ?? {},
    else: rule.else ?? 'refuse',
  };
}
