/** Creates or changes a dataset: its row, its topics, its writer schema, its publisher's permissions. */
import type { Dataset, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { sealedBytesMax } from '../../../libs/ledger/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import { requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import { RowEncoder } from '../intake/row-encoder.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { CanonicalSchema } from '../schemas/canonical-schema.ts';
import { canonicalSchema } from '../schemas/canonical-schema.ts';
import { isLive } from './agreement-view.ts';
import { grantPublisher } from './grants.ts';
import { datasetLock } from './locks.ts';
import { publishDirectives } from './publish-directives.ts';
import { registerLocked } from './register-schema.ts';

export interface DatasetInput {
  readonly id: string;
  readonly titleZh: string;
  readonly titleEn: string;
  readonly publisher: string;
  readonly description: string;
  readonly licence: string;
  /** Avro, JSON text. */
  readonly schema: string;
  readonly sealTo: string;
  readonly partitions: number;
  readonly keyField: string | null;
}

export interface DatasetView extends Omit<Dataset, 'titleZh' | 'titleEn'> {
  readonly title: { readonly zh: string; readonly en: string };
  readonly topic: string;
}

export const datasetView = ({ titleZh, titleEn, ...dataset }: Dataset): DatasetView => ({
  ...dataset,
  title: { zh: titleZh, en: titleEn },
  topic: topicNames.raw(dataset.id),
});

/** Publisher and partition count may not change later. A changed seal key gives every live agreement a new directive revision. */
export async function putDataset(
  plane: ControlPlane,
  caller: Caller,
  input: DatasetInput,
): Promise<Result<DatasetView & { readonly schemaId: number }>> {
  const allowed = requireParticipant(caller, input.publisher, 'the publisher');
  if (!allowed.ok) return allowed;
  const publisher = await plane.database.stores.participants.find(input.publisher);
  if (!publisher.ok) return publisher;
  if (publisher.value?.role !== 'publisher') return fail('not-found', `there is no publisher ${input.publisher}`);
  const schema = canonicalSchema(input.schema);
  if (!schema.ok) return schema;
  const encoder = RowEncoder.of(0, input.schema, input.keyField);
  if (!encoder.ok) return encoder;
  return plane.database.locked(datasetLock(input.id), () => putLocked(plane, input, schema.value));
}

async function putLocked(
  plane: ControlPlane,
  input: DatasetInput,
  schema: CanonicalSchema,
): Promise<Result<DatasetView & { readonly schemaId: number }>> {
  const known = await plane.database.stores.datasets.find(input.id);
  if (!known.ok) return known;
  const frozen = known.value === null ? ok(undefined) : checkFrozen(known.value, input);
  if (!frozen.ok) return frozen;
  const { schema: _, ...fields } = input;
  const dataset: Dataset = { ...fields, subject: `${topicNames.raw(input.id)}-value`, state: 'open' };
  const schemaId = await registerLocked(plane, dataset.subject, known.value, schema);
  if (!schemaId.ok) return schemaId;
  const provisioned = await provision(plane, dataset);
  if (!provisioned.ok) return provisioned;
  if (known.value === null || !isSame(known.value, dataset)) {
    const stored = await plane.database.transaction('storing a dataset', (stores) => store(stores, known.value, dataset));
    if (!stored.ok) return stored;
    plane.eventsWaiting();
  }
  const granted = await grantPublisher(plane, dataset);
  if (!granted.ok) return granted;
  const published = await publishDirectives(plane, dataset);
  return published.ok ? ok({ ...datasetView(dataset), schemaId: schemaId.value }) : published;
}

/** Somebody else's dataset is not told from one whose publisher may not change. */
function checkFrozen(known: Dataset, input: DatasetInput): Result<void> {
  if (known.publisher !== input.publisher) return fail('conflict', `dataset ${input.id} has another publisher`);
  if (known.partitions !== input.partitions) {
    return fail(
      'conflict',
      `dataset ${input.id} has ${known.partitions} partitions, which may not change: keys would change place`,
    );
  }
  return ok(undefined);
}

function isSame(known: Dataset, dataset: Dataset): boolean {
  return (Object.keys(dataset) as (keyof Dataset)[]).every((name) => known[name] === dataset[name]);
}

/** A batch of the raw topic may be larger than a record may be, so that an oversized record is refused with a reason and sealed. */
const rawBatchBytesMax = sealedBytesMax;

function provision(plane: ControlPlane, { id, partitions }: Dataset): Promise<Result<void>> {
  return plane.broker.createTopics([
    { name: topicNames.raw(id), partitions, config: { 'max.message.bytes': String(rawBatchBytesMax) } },
    { name: topicNames.quarantine(id), partitions, config: { 'max.message.bytes': String(2 * rawBatchBytesMax) } },
  ]);
}

async function store(stores: Stores, known: Dataset | null, dataset: Dataset): Promise<Result<void>> {
  const put = await stores.datasets.put(dataset);
  if (!put.ok) return put;
  if (known !== null && known.sealTo !== dataset.sealTo) {
    const agreements = await stores.agreements.ofDataset(dataset.id);
    if (!agreements.ok) return agreements;
    for (const agreement of agreements.value.filter(isLive)) {
      const raised = await stores.agreements.put({ ...agreement, revision: agreement.revision + 1 });
      if (!raised.ok) return raised;
    }
  }
  return stores.events.add(newEvent('dataset.changed', dataset.id, { publisher: dataset.publisher, isNew: known === null }));
}
