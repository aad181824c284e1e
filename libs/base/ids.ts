/** Names that become parts of Kafka topics, ACLs and URLs: one alphabet without dots, so that joined names cannot collide. */
import type { Result } from './result.ts';
import { fail, ok } from './result.ts';

const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** Checks an id: 1 to 64 of a-z, 0-9 and inner hyphens. No dot: `gov.<dataset>.<agreement>` is split at dots. */
export function parseId(kind: string, text: unknown): Result<string> {
  if (typeof text === 'string' && namePattern.test(text)) return ok(text);
  return fail('request-invalid', `${kind} must be 1 to 64 characters of a-z, 0-9 and inner hyphens`);
}

/** The topics of a dataset and of an agreement on it. */
export const topicNames = {
  raw: (dataset: string): string => `raw.${dataset}`,
  governed: (dataset: string, agreement: string): string => `gov.${dataset}.${agreement}`,
  quarantine: (dataset: string): string => `dlq.${dataset}`,
  directives: 'sluice.directives',
  suppressions: 'sluice.suppressions',
  receipts: 'sluice.receipts',
  positions: 'sluice.positions',
  dispositions: 'sluice.dispositions',
  audit: 'sluice.audit',
  intake: 'sluice.intake',
  events: 'sluice.events',
  deadLetters: 'sluice.dead-letters',
} as const;

/** A consumer group of a subscriber starts with this prefix, dot included: a prefix `a1` would match `a10`. */
export const groupPrefix = (agreement: string): string => `${agreement}.`;
