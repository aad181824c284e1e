/** The topics that datasets and agreements have. */
import type { TopicSpec } from '../../../libs/adapters/kafka/index.ts';
import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import { topicNames } from '../../../libs/base/index.ts';
import { sealedBytesMax } from '../../../libs/ledger/index.ts';

type OfDataset = Pick<Dataset, 'id' | 'partitions' | 'compacted'>;

/** A batch of the raw topic may be larger than a record may be, so that an oversized record is refused with a reason and sealed. */
const rawBatchBytesMax = sealedBytesMax;

/** The raw topic and that of refused records. */
export const topicsOf = ({ id, partitions, compacted }: OfDataset): TopicSpec[] => [
  {
    name: topicNames.raw(id),
    partitions,
    compacted,
    config: { 'max.message.bytes': String(rawBatchBytesMax) },
  },
  {
    name: topicNames.quarantine(id),
    partitions,
    config: { 'max.message.bytes': String(2 * rawBatchBytesMax) },
  },
];

export const governedTopicOf = ({ id, partitions, compacted }: OfDataset, agreement: string): TopicSpec => ({
  name: topicNames.governed(id, agreement),
  partitions,
  compacted,
});
