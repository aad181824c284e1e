/** Kafka and PostgreSQL: embedded ones are started, real ones are taken as they are. */
import path from 'node:path';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import { kafkaJarsDirectory, startKafka, startPostgres } from '../../libs/adapters/local/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok } from '../../libs/base/index.ts';
import type { EmbeddedSettings } from './config.ts';
import type { StopStack } from './stop-stack.ts';

export interface Services {
  /** With an account that may administer. */
  readonly kafka: KafkaOptions;
  readonly databaseUrl: string;
  /** Resolves with the name of an embedded service that ended by itself; never when there is none. */
  readonly lost: Promise<string>;
}

type Step = <T>(title: string, work: () => Promise<Result<T>>) => Promise<Result<T>>;

/** Starts what is not given, both at once. What was started is on the stack, also when the other one failed. */
export async function openServices(
  settings: EmbeddedSettings,
  stack: StopStack,
  step: Step,
  log: (sentence: string) => void,
): Promise<Result<Services>> {
  const logs = path.join(settings.directory, 'logs');
  const lost: Promise<string>[] = [];
  const database = async (): Promise<Result<string>> => {
    if (settings.databaseUrl !== undefined) return ok(settings.databaseUrl);
    const started = await step('PostgreSQL', () =>
      startPostgres({
        directory: path.join(settings.directory, 'postgres'),
        logFile: path.join(logs, 'postgres.log'),
        log,
        ...(settings.databasePort === undefined ? {} : { port: settings.databasePort }),
      }),
    );
    if (!started.ok) return started;
    stack.push('PostgreSQL', started.value.stop);
    lost.push(started.value.ended.then(() => 'PostgreSQL'));
    return ok(started.value.url);
  };
  const kafka = async (): Promise<Result<KafkaOptions>> => {
    if (settings.kafka !== undefined) return ok({ clientId: 'sluice', ...settings.kafka });
    const started = await step('Kafka', () =>
      startKafka({
        directory: path.join(settings.directory, 'broker'),
        jarsDirectory: kafkaJarsDirectory(),
        logFile: path.join(logs, 'kafka.log'),
        log,
        ...(settings.kafkaPort === undefined ? {} : { ports: { client: settings.kafkaPort } }),
      }),
    );
    if (!started.ok) return started;
    stack.push('Kafka', started.value.stop);
    lost.push(started.value.ended.then(() => 'Kafka'));
    const { brokers, adminUsername: username, adminPassword: password } = started.value;
    return ok({ brokers, clientId: 'sluice', sasl: { username, password } });
  };
  const [databaseUrl, kafkaOptions] = await Promise.all([database(), kafka()]);
  if (!databaseUrl.ok) return databaseUrl;
  if (!kafkaOptions.ok) return kafkaOptions;
  return ok({
    kafka: kafkaOptions.value,
    databaseUrl: databaseUrl.value,
    lost: lost.length === 0 ? new Promise(() => undefined) : Promise.race(lost),
  });
}
