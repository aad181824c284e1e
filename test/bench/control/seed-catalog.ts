/** Participants, the accounts that call, and datasets, through the stores: what is searched is made as the product makes it. */
import { randomBytes } from 'node:crypto';
import { hashSecret } from '../../../apps/control-plane/secret-hash.ts';
import type { Database, Dataset } from '../../../libs/adapters/postgres/index.ts';
import { topicNames, unwrap } from '../../../libs/base/index.ts';
import { catalogEntry } from './catalog-words.ts';

export interface Caller {
  readonly name: string;
  readonly secret: string;
}

/** Half of the participants publish, half subscribe. */
export const participants = 200;

const two = (number: number): string => String(number).padStart(2, '0');
export const publisherOf = (dataset: number): string => `publisher-${two(dataset % (participants / 2))}`;
/** Subscriber 99 has few agreements, the others as many as each other. */
export const subscriberOf = (agreement: number): string =>
  agreement < 20 ? rareSubscriber : `subscriber-${two(Math.floor(agreement / 7) % (participants / 2 - 1))}`;
const rareSubscriber = 'subscriber-99';

export const callers = {
  publisher: { name: publisherOf(1), secret: 'publisher-secret-of-the-bench' },
  subscriber: { name: subscriberOf(20), secret: 'subscriber-secret-of-the-bench' },
  rare: { name: rareSubscriber, secret: 'rare-secret-of-the-bench' },
} as const satisfies Record<string, Caller>;

export const datasetId = (index: number): string => `dataset-${String(index).padStart(6, '0')}`;

/** In several at once: PostgreSQL waits for the disk at each. */
const atOnce = 8;

export async function seedParticipants({ stores }: Database): Promise<void> {
  const put = async (id: string, role: 'publisher' | 'subscriber'): Promise<void> => {
    const sector = role === 'publisher' ? 'S' : 'M';
    unwrap(
      await stores.participants.put({
        id,
        name: `${id} 单位`,
        roles: [role],
        creditCode: null,
        sector,
        region: 'CN-330108',
        state: 'active',
      }),
    );
  };
  for (let index = 0; index < participants / 2; index += 1) {
    await put(publisherOf(index), 'publisher');
    await put(`subscriber-${two(index)}`, 'subscriber');
  }
  for (const { name, secret } of Object.values(callers)) {
    const none = { displayName: null, roles: null, oidcIssuer: null, oidcSubject: null };
    unwrap(
      await stores.participants.putAccount({
        name,
        participant: name,
        kind: 'service',
        secretHash: await hashSecret(secret),
        ...none,
      }),
    );
  }
}

export async function seedDatasets({ stores }: Database, count: number): Promise<void> {
  for (let from = 0; from < count; from += atOnce) {
    const part = Array.from({ length: Math.min(atOnce, count - from) }, (_, index) => datasetOf(from + index));
    for (const done of await Promise.all(part.map((dataset) => stores.datasets.put(dataset)))) unwrap(done);
  }
}

const sealTo = randomBytes(32).toString('base64url');

function datasetOf(index: number): Dataset {
  const id = datasetId(index);
  return {
    id,
    ...catalogEntry(index),
    publisher: publisherOf(index),
    licence: 'CC-BY-4.0',
    frequency: 'daily',
    level: (['L1', 'L2', 'L3'] as const)[index % 3] ?? null,
    category: 'general',
    quality: { statement: '按目录质量规范抽检', completeness: 0.98 },
    sla: { availabilityPercent: 99.5, lagSecondsMax: 60 },
    retentionDays: 7,
    price: { model: 'free', amount: null, currency: 'CNY', per: null },
    sealTo,
    subject: `${topicNames.raw(id)}-value`,
    partitions: 1,
    compacted: false,
    keyField: '/residentId',
    // One in twenty is seen by its publisher alone.
    state: index % 20 === 19 ? 'draft' : 'open',
  };
}
