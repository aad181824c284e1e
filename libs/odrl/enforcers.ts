/** Which part of Sluice enforces what a policy says. The one table: what is not in it is refused. */

/**
 * `approval`: the control plane, when an agreement is made or changed. `data-plane`: by directive and by its own clock. `quota`: the Kafka broker.
 * `meter`: the control plane counts Receipts, and suspends. `throttle`: delivery held back to a rate. `contract`: the parties' contract alone.
 */
export type Enforcer = 'approval' | 'data-plane' | 'quota' | 'meter' | 'throttle' | 'contract';

/** What people read of it. */
export const enforcerSentence: Readonly<Record<Enforcer, string>> = {
  approval: 'checked when the agreement is made',
  'data-plane': 'enforced by the data plane, by directive and by its own clock',
  quota: 'enforced by a quota of the Kafka broker',
  meter: 'metered by Receipts: suspended within a moment after it is reached, not at the very record',
  throttle: 'held back to the rate while it is delivered',
  contract: 'contractual, not technical',
};

/** By left operand and operator. Source of the operands: ODRL Vocabulary 2.2, section 4.5; `sluice:` is our profile's. */
export const constraintEnforcers: Readonly<Record<string, Readonly<Record<string, Enforcer>>>> = {
  purpose: { eq: 'approval', isAnyOf: 'approval' },
  recipient: { eq: 'contract' },
  industry: { isAnyOf: 'approval' },
  spatial: { isAnyOf: 'approval' },
  dateTime: { gteq: 'data-plane', lt: 'data-plane' },
  elapsedTime: { lteq: 'contract' },
  'sluice:recordsPerSecond': { lteq: 'throttle' },
  'sluice:bytesPerSecond': { lteq: 'quota' },
  'sluice:records': { lteq: 'meter' },
};

/** Those that every installation has. One that throttles says so when it reads a policy. */
export const builtInEnforcers: ReadonlySet<Enforcer> = new Set<Enforcer>([
  'approval',
  'data-plane',
  'contract',
  'quota',
  'meter',
]);

/** What to say instead of what nothing enforces, by left operand. How fast records come is decided by the feed: suspending for it would punish the wrong party. */
export const enforcedInstead: Readonly<Record<string, string>> = {
  'sluice:recordsPerSecond': 'sluice:bytesPerSecond limits how fast a subscriber reads, sluice:records how much it gets',
};
