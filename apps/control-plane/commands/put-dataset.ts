/** Creates or changes a dataset: its row, its topics, its writer schema, its publisher's permissions. */
import type { Dataset, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, fail, ok, topicNames } from '../../../libs/base/index.ts';
import { requireParticipant } from '../caller.ts';
import { checkIfMatch } from '../etag.ts';
import { newEvent } from '../events/new-event.ts';
import { RowEncoder } from '../intake/row-encoder.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { CanonicalSchema } from '../schemas/canonical-schema.ts';
import { canonicalSchema } from '../schemas/canonical-schema.ts';
import { isLive } from './agreement-view.ts';
import type { DatasetDetail } from './dataset-view.ts';
import { detailOf } from './dataset-view.ts';
import { grantPublisher } from './grants.ts';
import { datasetLock } from './locks.ts';
import { ensureDatasetKey } from './new-data-key.ts';
import { publishDirectives } from './publish-directives.ts';
import { topicsOf } from './desired-topics.ts';
import { registerLocked } from './register-schema.ts';

export interface DatasetInput extends Omit<Dataset, 'subject'> {
  /** Avro, JSON text. */
  readonly schema: string;
  /** An ETag that must be the dataset's when it is changed; null for no condition. */
  readonly ifMatch: string | null;
}

/** Publisher, partition count and compaction may not change later. A changed seal key gives every live agreement a new directive revision. */
export async function putDataset(plane: ControlPlane, caller: Caller, input: DatasetInput): Promise<Result<DatasetDetail>> {
  const allowed = requireParticipant(caller, input.publisher, 'the publisher', 'publisher');
  if (!allowed.ok) return allowed;
  const publisher = await plane.database.stores.participants.find(input.publisher);
  if (!publisher.ok) return publisher;
  if (publisher.value?.roles.includes('publisher') !== true) return fail('not-found', `there is no publisher ${input.publisher}`);
  const schema = canonicalSchema(input.schema);
  if (!schema.ok) return schema;
  const encoder = RowEncoder.of(0, input.schema, input.keyField);
  if (!encoder.ok) return encoder;
  return plane.database.locked(datasetLock(input.id), () => putLocked(plane, input, schema.value));
}

async function putLocked(plane: ControlPlane, input: DatasetInput, schema: CanonicalSchema): Promise<Result<DatasetDetail>> {
  const known = await plane.database.stores.datasets.find(input.id);
  if (!known.ok) return known;
  const unchanged = await checkUnchanged(plane, input.ifMatch, known.value);
  if (!unchanged.ok) return unchanged;
  const frozen = known.value === null ? ok(undefined) : checkFrozen(known.value, input);
  if (!frozen.ok) return frozen;
  const listed = await checkErasures(plane, known.value, input);
  if (!listed.ok) return listed;
  const { schema: _, ifMatch: __, ...fields } = input;
  const dataset: Dataset = {
    ...fields,
    subject: `${topicNames.raw(input.id)}-value`,
  };
  const schemaId = await registerLocked(plane, dataset.subject, known.value, schema);
  if (!schemaId.ok) return schemaId;
  const provisioned = await provision(plane, dataset);
  if (!provisioned.ok) return provisioned;
  if (known.value === null || !isSame(known.value, dataset)) {
    const stored = await plane.database.transaction('storing a dataset', (stores) => store(stores, known.value, dataset));
    if (!stored.ok) return stored;
    plane.eventsWaiting();
  }
  // Datasets of before there were such keys get theirs with the first change; one that was shredded gets none.
  const key = await ensureDatasetKey(plane, dataset.id);
  if (!key.ok && key.failure.code !== 'key-destroyed') return key;
  const granted = await grantPublisher(plane, dataset);
  if (!granted.ok) return granted;
  const published = await publishDirectives(plane, dataset);
  return published.ok ? detailOf(plane, dataset) : published;
}

async function checkUnchanged(plane: ControlPlane, ifMatch: string | null, known: Dataset | null): Promise<Result<void>> {
  if (ifMatch === null || known === null) return checkIfMatch(ifMatch, known);
  const detail = await detailOf(plane, known);
  return detail.ok ? checkIfMatch(ifMatch, detail.value) : detail;
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
  if (known.compacted !== input.compacted)
    return fail('conflict', `dataset ${input.id} is ${known.compacted ? '' : 'not '}compacted, which may not change`);
  return ok(undefined);
}

/** Erased subjects are known by the text of the key field: another field would let them out again. */
async function checkErasures(plane: ControlPlane, known: Dataset | null, { id, keyField }: DatasetInput): Promise<Result<void>> {
  if (known === null || known.keyField === keyField) return ok(undefined);
  const erased = await plane.database.stores.suppressions.erasuresOf(id);
  if (!erased.ok) return erased;
  return erased.value === 0
    ? ok(undefined)
    : fail('conflict', `subjects were erased from dataset ${id}: its key field may not change`);
}

const isSame = (known: Dataset, dataset: Dataset): boolean => canonicalJson({ ...known }) === canonicalJson(dataset);

function provision(plane: ControlPlane, { id, partitions, compacted }: Dataset): Promise<Result<void>> {
  return plane.broker.createTopics(topicsOf({ id, partitions, compacted }));
}

async function store(stores: Stores, known: Dataset | null, dataset: Dataset): Promise<Result<void>> {
  const put = await stores.datasets.put(dataset);
  if (!put.ok) return put;
  if (known !== null && known.sealTo !== dataset.sealTo) {
    const agreements = await stores.agreements.ofDataset(dataset.id);
    if (!agreements.ok) return agreements;
    for (const agreement of agreements.value.filter(isLive)) {
      const raised = await stores.agreements.put({ ...agreement, revision: agreement.revision + 1 }, agreement.revision);
      if (!raised.ok) return raised;
    }
  }
  return stores.events.add(newEvent('dataset.changed', dataset.id, { publisher: dataset.publisher, isNew: known === null }));
}
