/** Jest's global set-up: starts the services that the selected tests need, in a directory that is removed at the end. */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { kafkaJarsDirectory, repositoryRoot, startKafka, startPostgres } from '../adapters/local/index.ts';
import { FailureError, unwrap } from '../base/index.ts';
import { running } from './running.ts';
import { neededServices } from './selection.ts';
import { environmentNames } from './services.ts';

interface JestGlobalConfig {
  readonly testPathPatterns?: { readonly patterns?: readonly string[] };
}

/** Called once by jest, in its main process, before the workers are made. */
export default async function setUp(config: JestGlobalConfig): Promise<void> {
  const root = repositoryRoot();
  const need = neededServices(root, config.testPathPatterns?.patterns ?? []);
  if (!need.kafka && !need.postgres) return;
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-test-'));
  // PostgreSQL may have to run under another account, which must be able to enter.
  chmodSync(directory, 0o711);
  running.directory = directory;
  const [kafka, postgres] = await Promise.all([
    need.kafka ? startKafka({ directory: path.join(directory, 'kafka'), jarsDirectory: kafkaJarsDirectory(root) }) : undefined,
    need.postgres
      ? startPostgres({ directory: path.join(directory, 'postgres'), durable: false, connectionsMax: 200 })
      : undefined,
  ]);
  if (kafka?.ok) running.stops.push(kafka.value.stop);
  if (postgres?.ok) running.stops.push(postgres.value.stop);
  try {
    if (kafka) {
      const { brokers, adminUsername: username, adminPassword: password } = unwrap(kafka);
      process.env[environmentNames.kafka] = JSON.stringify({ brokers, username, password });
    }
    if (postgres) process.env[environmentNames.postgres] = unwrap(postgres).url;
  } catch (error) {
    await running.stopAll();
    if (error instanceof FailureError) console.error(`The tests cannot start: ${error.message}`);
    throw error;
  }
}
