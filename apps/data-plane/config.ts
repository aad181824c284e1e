/** Settings of the data plane; the only file here that reads the environment. */
import { z } from 'zod';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import type { VaultSettings } from '../../libs/adapters/kms/index.ts';
import { keyReaderSettings, vaultSettingsOf } from '../../libs/adapters/kms/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

export const dataPlaneSettings = z.strictObject({
  SLUICE_KAFKA_BROKERS: z.string().min(1).describe('Kafka bootstrap servers, comma separated'),
  SLUICE_KAFKA_USERNAME: z.string().optional().describe('SCRAM-SHA-512 user'),
  SLUICE_KAFKA_PASSWORD: z.string().optional().describe('SCRAM-SHA-512 password'),
  SLUICE_KAFKA_TLS: z.stringbool().default(false).describe('Whether to use TLS towards Kafka'),
  SLUICE_REGISTRY_URL: z.url().describe('Schema registry, e.g. http://127.0.0.1:8080/registry'),
  SLUICE_REGISTRY_USERNAME: z.string().optional().describe('Account for the schema registry'),
  SLUICE_REGISTRY_PASSWORD: z.string().optional().describe('Secret for the schema registry'),
  ...keyReaderSettings,
  SLUICE_INSTANCE: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .default('one')
    .describe('Stable name of this instance, in its transactional ids and its groups; no two processes may share it'),
  SLUICE_GUARANTEE: z
    .enum(['exactly-once', 'at-least-once'])
    .default('exactly-once')
    .describe('Whether each read of a feed is one Kafka transaction, or may be delivered again after a failure'),
  SLUICE_HEALTH_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address on which `/health`, `/ready`, `/status` and `/metrics` are served'),
  SLUICE_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8082).describe('Their port'),
  SLUICE_LAG_SECONDS_MAX: z.coerce
    .number()
    .positive()
    .optional()
    .describe('Seconds that a feed may be behind before `/ready` answers 503; unset: lag is shown and not judged'),
});

/** How the record loop paces itself. */
export interface WorkerLimits {
  /** A fetch waits this long for the first record, milliseconds. */
  readonly fetchWaitMs: number;
  /** The same after one that found none, while nothing else of the feed is to be looked at again. */
  readonly idleWaitMs: number;
  /** Bytes of one fetch, and of one partition in it. */
  readonly fetchBytesMax: number;
  readonly fetchPartitionBytesMax: number;
  /** A transaction closes at whichever comes first, or when everything has been read: records, governed bytes, milliseconds, partitions. */
  readonly transactionRecordsMax: number;
  readonly transactionBytesMax: number;
  readonly transactionMs: number;
  readonly transactionPartitionsMax: number;
  /** Governed bytes of a feed that may be on their way to the brokers before it waits. */
  readonly pendingBytesMax: number;
  /** A transaction that finds as many bytes at first has the digests of its Receipts computed on a thread of their own. */
  readonly digestThreadBytesMin: number;
  /** After a small transaction, wait this long so that the next one is worth its cost, milliseconds. */
  readonly lingerMs: number;
  /**
   * A transaction closes at so many refused originals, records for the quarantine, or bytes of originals: they have to be sealed before the brokers give it
   * up. What is taken in at once may go beyond, up to three times as many; a batch with more is taken in slices.
   */
  readonly quarantineOriginalsMax: number;
  readonly quarantineRecordsMax: number;
  readonly quarantineBytesMax: number;
  /** Transactions are made longer before more Receipts than this are written in a second. */
  readonly receiptsPerSecondMax: number;
  /** An agreement whose topic takes nothing for this long is served alone, milliseconds. */
  readonly outputFailMs: number;
  /** Nothing is produced when the last successful directive poll is older than this, milliseconds. */
  readonly directiveAgeMsMax: number;
  /** A stop waits this long for the transactions under way; what is not committed then is aborted by the brokers, milliseconds. */
  readonly drainMs: number;
  /** Agreements of a feed that are served alone at the same time; others wait for their turn. */
  readonly apartMax: number;
  /** Longest pause between two tries of an agreement that is served alone and fails, milliseconds. */
  readonly apartPauseMsMax: number;
}

export const workerLimits: WorkerLimits = {
  fetchWaitMs: 1_000,
  idleWaitMs: 4_000,
  fetchBytesMax: 8 * 1024 * 1024,
  fetchPartitionBytesMax: 2 * 1024 * 1024,
  transactionRecordsMax: 500_000,
  transactionBytesMax: 192 * 1024 * 1024,
  transactionMs: 400,
  transactionPartitionsMax: 1_000,
  pendingBytesMax: 8 * 1024 * 1024,
  digestThreadBytesMin: 1024 * 1024,
  lingerMs: 3,
  receiptsPerSecondMax: 5_000,
  quarantineOriginalsMax: 2_000,
  quarantineRecordsMax: 20_000,
  quarantineBytesMax: 16 * 1024 * 1024,
  outputFailMs: 3_000,
  directiveAgeMsMax: 3_000,
  drainMs: 10_000,
  apartMax: 8,
  apartPauseMsMax: 30_000,
};

/** What `/ready` and `/health` judge by. */
export interface ReadinessLimits {
  /** A feed without partitions for longer is not ready, unless others of its group have them all, milliseconds. */
  readonly unassignedMsMax: number;
  /** A feed that has partitions to read and had no answer to a fetch for longer is not ready, milliseconds. */
  readonly pollAgeMsMax: number;
  /** A feed that is further behind is not ready, seconds. Absent: not judged. */
  readonly lagSecondsMax?: number;
  /** A process that did nothing else for so long at a time is not healthy, milliseconds. */
  readonly blockedMsMax: number;
}

export const readinessLimits: ReadinessLimits = {
  unassignedMsMax: 15_000,
  pollAgeMsMax: 10_000,
  blockedMsMax: 10_000,
};

/** Agreements that have series of their own in the metrics; the others are added up as `(other)`. */
export const agreementSeriesMax = 2_000;

export type Guarantee = 'exactly-once' | 'at-least-once';

export interface DataPlaneEnvironment {
  readonly kafka: KafkaOptions;
  readonly registry: { readonly url: string; readonly username?: string; readonly password?: string };
  readonly vault: VaultSettings;
  readonly instance: string;
  readonly guarantee: Guarantee;
  readonly host: string;
  readonly port: number;
  /** `SLUICE_LAG_SECONDS_MAX`. */
  readonly lagSecondsMax?: number;
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlpEndpoint?: string;
}

export function readSettings(environment: Readonly<Record<string, string | undefined>>): Result<DataPlaneEnvironment> {
  const known = Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('SLUICE_')));
  const parsed = dataPlaneSettings.safeParse(known);
  if (!parsed.success) {
    return fail(
      'config-invalid',
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`.replace(/^: /, '')).join('; '),
    );
  }
  const settings = parsed.data;
  const { SLUICE_KAFKA_USERNAME: username, SLUICE_KAFKA_PASSWORD: password } = settings;
  if ((username === undefined) !== (password === undefined)) {
    return fail('config-invalid', 'SLUICE_KAFKA_USERNAME and SLUICE_KAFKA_PASSWORD belong together');
  }
  const vault = vaultSettingsOf(settings);
  if (!vault.ok) return vault;
  const otlpEndpoint = environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return ok({
    kafka: {
      brokers: settings.SLUICE_KAFKA_BROKERS.split(','),
      clientId: `sluice-data-plane-${settings.SLUICE_INSTANCE}`,
      tls: settings.SLUICE_KAFKA_TLS,
      ...(username === undefined || password === undefined ? {} : { sasl: { username, password } }),
    },
    registry: {
      url: settings.SLUICE_REGISTRY_URL,
      ...(settings.SLUICE_REGISTRY_USERNAME === undefined ? {} : { username: settings.SLUICE_REGISTRY_USERNAME }),
      ...(settings.SLUICE_REGISTRY_PASSWORD === undefined ? {} : { password: settings.SLUICE_REGISTRY_PASSWORD }),
    },
    vault: vault.value,
    instance: settings.SLUICE_INSTANCE,
    guarantee: settings.SLUICE_GUARANTEE,
    host: settings.SLUICE_HEALTH_HOST,
    port: settings.SLUICE_HEALTH_PORT,
    ...(settings.SLUICE_LAG_SECONDS_MAX === undefined ? {} : { lagSecondsMax: settings.SLUICE_LAG_SECONDS_MAX }),
    ...(otlpEndpoint === undefined || otlpEndpoint === '' ? {} : { otlpEndpoint }),
  });
}
