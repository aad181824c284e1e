/** Governed records that the receiver of an agreement's webhook refused for good, for the parties of the agreement. */
import { z } from 'zod';

import { TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok, topicNames } from '../../../libs/base/index.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { findAgreement } from './find-agreement.ts';

/** As link writes it. */
const letter = z.strictObject({
  agreement: z.string(),
  partition: z.int(),
  offset: z.string().regex(/^\d{1,19}$/),
  status: z.int(),
  at: z.iso.datetime(),
  event: z.string(),
});

export interface DeadLetterView {
  /** Its place among all dead letters. */
  readonly place: string;
  /** Of the governed topic. */
  readonly partition: number;
  readonly offset: string;
  /** What the receiver answered. */
  readonly status: number;
  readonly at: string;
  /** The CloudEvent that was refused. */
  readonly event: unknown;
}

const readWithinMs = 10_000;
const pollMs = 200;

/** The oldest first, from the place after `after`. What is no dead letter of this release is passed over. */
export async function listDeadLetters(
  plane: ControlPlane,
  caller: Caller,
  query: { readonly agreement: string; readonly after: bigint | null; readonly limit: number },
): Promise<Result<DeadLetterView[]>> {
  const agreement = await findAgreement(plane, caller, query.agreement);
  if (!agreement.ok) return agreement;
  const action = `reading the dead letters of ${query.agreement}`;
  const topic = topicNames.deadLetters;
  const ends = await topicOffsets(plane.cluster, topic, 'latest');
  if (!ends.ok) return during(action, ends.failure);
  const first = await topicOffsets(plane.cluster, topic, 'earliest');
  if (!first.ok) return during(action, first.failure);
  const [start = 0n, end = 0n] = [first.value[0], ends.value[0]];
  const from = query.after !== null && query.after >= start ? query.after + 1n : start;
  const reader = await TopicReader.open(plane.cluster, { topic, from: new Map([[0, from]]) });
  if (!reader.ok) return during(action, reader.failure);
  const found: DeadLetterView[] = [];
  try {
    const deadlineMs = performance.now() + readWithinMs;
    while (found.length < query.limit && reader.value.position(0) < end && performance.now() < deadlineMs) {
      const records = await reader.value.poll(pollMs);
      if (!records.ok) return during(action, records.failure);
      for (const { offset, value } of records.value) {
        const read = parse(value);
        if (read?.agreement !== query.agreement) continue;
        const { agreement: _, event, ...rest } = read;
        found.push({ place: String(offset), ...rest, event: JSON.parse(event) as unknown });
      }
    }
  } finally {
    await reader.value.close();
  }
  return ok(found.slice(0, query.limit));
}

function parse(value: Uint8Array | null): z.infer<typeof letter> | null {
  try {
    const parsed = letter.safeParse(JSON.parse(Buffer.from(value ?? new Uint8Array()).toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
