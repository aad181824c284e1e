/** The key of a compacted feed from the raw key alone: under it a record leaves that has no governed value. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { ChannelTerms } from '../odrl/index.ts';
import { isBelow } from './address.ts';
import type { FusedPlans } from './plan-rules.ts';
import type { FieldAction, FieldPlan, Reference, ValueContext } from './stage.ts';
import { unfit } from './stage.ts';

/** What a compacted Program does with keys. */
export interface KeyPlan {
  readonly channel: ChannelTerms['key'];
  /** What happens to the field that the key repeats; absent where it repeats none. */
  readonly action?: FieldAction;
}

/** Bytes of the governed key, null for a raw key that does not fit. */
export type GovernKey = (key: Uint8Array) => Uint8Array | null;

/** The plan of the field that the key repeats: its own, or that of what it is kept within. */
function planOfKey({ fields, channels: { key } }: FusedPlans): FieldPlan | undefined {
  if (typeof key === 'string') return undefined;
  return fields.find(({ path }) => path === key.repeats || isBelow(key.repeats, path));
}

/** Undefined where the feed is not compacted. */
export function keyPlanOf(plans: FusedPlans, compacted: boolean): KeyPlan | undefined {
  if (!compacted) return undefined;
  const action = planOfKey(plans)?.action;
  return { channel: plans.channels.key, ...(action === undefined ? {} : { action }) };
}

/**
 * Fails with `plan-invalid` where a compacted feed cannot have this key: each raw key must have a governed key of its own that can be made
 * without the value, or a delete would reach another record, or none.
 */
export function checkCompactedKey(plans: FusedPlans): Result<void> {
  const { key } = plans.channels;
  if (key === 'drop')
    return fail('plan-invalid', '(key): a compacted feed needs its key; keep it, or let it repeat a field that a token replaces');
  const plan = planOfKey(plans);
  if (plan === undefined || plan.action.kind === 'keep') return ok(undefined);
  if (plan.action.kind === 'transform' && plan.action.oneToOne === true) return ok(undefined);
  return fail(
    'plan-invalid',
    `(key): ${plan.stage} does not give each value of ${plan.path} one of its own that follows from the value and the agreement's key alone, as a compacted feed needs`,
    plan.path,
  );
}

/** An action that is one to one looks at the value alone. */
const nowhere: ValueContext = { partition: 0, offset: 0n, occurrence: 0, subject: null };

/** `keyOf` derives the key of a label. What the action needs is made by the first call. Without a plan no key fits. */
export function keyGovernor(plan: KeyPlan | undefined, keyOf: (label: string) => Uint8Array): GovernKey {
  if (plan === undefined || plan.channel === 'drop') return () => null;
  if (plan.channel === 'keep') return (key) => key;
  const { action } = plan;
  let reference: Reference | undefined;
  return (key) => {
    const text = textOf(key);
    if (text === null || action?.kind !== 'transform') return text === null ? null : key;
    reference ??= action.reference(action.keyLabel === undefined ? undefined : { key: keyOf(action.keyLabel) });
    const result = reference(text, nowhere);
    return result === unfit ? null : Buffer.from(String(result), 'utf8');
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A field is a text, so bytes that are none repeat no field. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
