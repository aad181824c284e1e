/** Which part of Sluice enforces what a policy says. The one table: what is not in it is refused. */

/**
 * `approval`: the control plane, when an agreement is made or changed. `data-plane`: by directive and by its own clock. `quota`: the Kafka broker.
 * `meter`: counted, and suspended beyond. `contract`: the parties' contract alone.
 */
export type Enforcer = 'approval' | 'data-plane' | 'quota' | 'meter' | 'contract';

/** What people read of it. */
export const enforcerSentence: Readonly<Record<Enforcer, string>> = {
  approval: 'checked when the agreement is made',
  'data-plane': 'enforced by the data plane, by directive and by its own clock',
  quota: 'enforced by a quota of the Kafka broker',
  meter: 'metered, with suspension beyond it',
  contract: 'contractual, not technical',
};

/** By left operand and operator. Source of the operands: ODRL Vocabulary 2.2, section 4.5; `sluice:` is our profile's. */
export const constraintEnforcers: Readonly<Record<string, Readonly<Record<string, Enforcer>>>> = {
  purpose: { eq: 'approval', isAnyOf: 'approval' },
  recipient: { eq: 'contract' },
  industry: { isAnyOf: 'approval' },
  spatial: { isAnyOf: 'approval' },
  dateTime: { gteq: 'approval', lt: 'data-plane' },
  elapsedTime: { lteq: 'contract' },
  'sluice:recordsPerSecond': { lteq: 'meter' },
  'sluice:bytesPerSecond': { lteq: 'quota' },
  'sluice:records': { lteq: 'meter' },
};

/** Those that every installation has. An installation that meters says so when it reads a policy. */
export const builtInEnforcers: ReadonlySet<Enforcer> = new Set<Enforcer>(['approval', 'data-plane', 'contract', 'quota']);
