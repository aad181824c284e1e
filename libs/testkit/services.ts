/** What a test asks for. The shared services are started before the first test by `global-setup.ts`; their places come by environment. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestKafka {
  readonly brokers: readonly string[];
  /** The super user, for SCRAM-SHA-512 over SASL_PLAINTEXT. */
  readonly username: string;
  readonly password: string;
}

export interface TestDatabase {
  readonly url: string;
  /** Removes the database, cutting whoever is still connected. */
  drop(): Promise<void>;
}

/** Environment names between jest's main process and its workers. Not `SLUICE_*`: those are settings of the apps. */
export const environmentNames = { kafka: 'TESTKIT_KAFKA', postgres: 'TESTKIT_POSTGRES', summary: 'TESTKIT_SUMMARY' } as const;

/** The shared broker. Topics and groups of other tests are on it too: use `uniqueId` for every name. */
export function testKafka(): TestKafka {
  return JSON.parse(coordinates(environmentNames.kafka)) as TestKafka;
}

/** A new, empty database on the shared server. */
export async function freshDatabase(): Promise<TestDatabase> {
  const server = coordinates(environmentNames.postgres);
  const name = `t_${randomBytes(8).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** An id that no other test uses, valid as a dataset, agreement or participant: `orders-3f9a2c01`. */
export const uniqueId = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`;

function coordinates(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests by \`npm test\`, which starts the services`);
  return value;
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
