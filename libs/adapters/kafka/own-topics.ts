/** The topics of Sluice itself that others make than those who use them. */
import { topicNames } from '../../base/index.ts';
import type { TopicSpec } from './kafka-admin.ts';

/** Receipts are kept for ever: certificates rest on them. */
export const receiptsTopic: TopicSpec = {
  name: topicNames.receipts,
  partitions: 1,
  config: { 'retention.ms': '-1', 'retention.bytes': '-1' },
};

/** Where each agreement stands on each input partition: the data plane's own. */
export const positionsTopic: TopicSpec = {
  name: topicNames.positions,
  partitions: 1,
  config: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.1' },
};

/** What became of each redriven record. Kept as long as the cluster: a record that was delivered must not be delivered again. */
export const dispositionsTopic: TopicSpec = {
  name: topicNames.dispositions,
  partitions: 1,
  config: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.1' },
};

/** Governed records that the receiver of a webhook refused for good. */
export const deadLettersTopic: TopicSpec = {
  name: topicNames.deadLetters,
  partitions: 1,
  config: { 'retention.ms': String(90 * 24 * 3_600_000) },
};

/** Who redrove what, and every sealed original that was opened. Kept for ever. */
export const auditTopic: TopicSpec = {
  name: topicNames.audit,
  partitions: 1,
  config: { 'retention.ms': '-1', 'retention.bytes': '-1' },
};
