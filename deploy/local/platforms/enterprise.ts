/** An enterprise: reads its governed stream with its own account, and tries to read what it has no agreement for. */
import { Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';
import { followTopic, typeOf } from './follow-topic.ts';
import { GovernedValues } from './governed-values.ts';
import { runPlatform } from './platform-process.ts';

const settings = z.strictObject({
  brokers: z.array(z.string()).min(1),
  registry: z.string(),
  account: z.string(),
  secret: z.string(),
  agreement: z.string(),
  topic: z.string(),
  /** Topics that it has no agreement for. */
  forbidden: z.array(z.string()),
});

runPlatform(settings, async (config, tally) => {
  const sasl = { mechanism: 'scram-sha-512', username: config.account, password: config.secret } as const;
  const kafka = new Kafka({ clientId: config.account, brokers: config.brokers, sasl, logLevel: logLevel.NOTHING });
  tally.refused = await tryForbidden(kafka, config.forbidden);
  const values = new GovernedValues({ url: config.registry, account: config.account, secret: config.secret });
  const groupId = `${config.agreement}.enterprise`;
  const reading = await followTopic({ kafka, groupId, topic: config.topic, values, tally });
  return { ready: { topic: config.topic }, stop: () => reading.stop() };
});

/** Asks the broker for each topic as a reader must. The answer should be TOPIC_AUTHORIZATION_FAILED. */
async function tryForbidden(kafka: Kafka, topics: readonly string[]): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  const admin = kafka.admin({ retry: { retries: 0 } });
  await admin.connect();
  for (const topic of topics) {
    try {
      await admin.fetchTopicMetadata({ topics: [topic] });
      await admin.fetchTopicOffsets(topic);
      answers[topic] = 'READ';
    } catch (error) {
      answers[topic] = typeOf(error);
    }
  }
  await admin.disconnect();
  return answers;
}
