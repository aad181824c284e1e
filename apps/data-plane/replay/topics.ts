/** The two topics that a redrive writes beside those of the record path. */
import type { TopicSpec } from '../../../libs/adapters/kafka/index.ts';
import { auditTopic, dispositionsTopic } from '../../../libs/adapters/kafka/index.ts';

export const replayTopics: readonly TopicSpec[] = [dispositionsTopic, auditTopic];
