/** A lifecycle event of the control plane, ready to be stored with the change that it tells of. */
import { randomUUID } from 'node:crypto';

import type { EventRow } from '../../../libs/adapters/postgres/index.ts';

const eventSource = '/sluice/control-plane';

export type LifecycleType =
  | 'dataset.changed'
  | 'right.changed'
  | 'baseline.changed'
  | 'offer.changed'
  | 'offer.withdrawn'
  | 'schema.registered'
  | 'agreement.started'
  | 'agreement.scheduled'
  | 'agreement.begun'
  | 'agreement.exhausted'
  | 'agreement.changed'
  | 'agreement.suspended'
  | 'agreement.resumed'
  | 'agreement.terminated'
  | 'agreement.renewed'
  | 'agreement.completed'
  | 'agreement.killed'
  | 'agreement.lifted'
  | 'credential.issued'
  | 'credential.revoked'
  | 'key.rotated'
  | 'key.shredded'
  | 'keys.rewrapped'
  | 'subject.erased'
  | 'duty.opened'
  | 'duty.proved'
  | 'request.submitted'
  | 'request.approved'
  | 'request.granted'
  | 'request.rejected'
  | 'request.withdrawn'
  | 'participant.suspended'
  | 'participant.resumed';

/** `subject` is the id of the thing; `data` holds ids and counts, never a secret or a record's value. */
export function newEvent(
  type: LifecycleType,
  subject: string,
  data: Readonly<Record<string, unknown>>,
): Omit<EventRow, 'sequence'> {
  return { id: randomUUID(), source: eventSource, type: `sluice.${type}.v1`, subject, time: new Date(), data, sent: false };
}
