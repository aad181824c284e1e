/** The settings of the control plane. The only place in this app that reads the environment. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { z } from 'zod';

import type { RegistryOptions } from '../../libs/adapters/registry/index.ts';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

export interface ControlPlaneConfig {
  /** Name of this instance: stable over restarts and its own, because transactional ids are made of it. a-z, 0-9, hyphens. */
  readonly instance: string;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly databaseUrl: string;
  readonly kafka: KafkaOptions;
  /** Secret of the account `admin`. */
  readonly operatorSecret: string;
  /** Names of Kafka users that no account may take, beside the one in `kafka`. */
  readonly reservedAccounts?: readonly string[];
  /** The master key of the key vault; made when missing. */
  readonly masterKeyFile: string;
  /** An external Confluent registry as the authority; null for our own. */
  readonly registry: RegistryOptions | null;
  /** The watched folder; null for none. */
  readonly intakeDirectory: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export const environment = z.strictObject({
  SLUICE_INSTANCE: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .optional()
    .describe('Stable name of this instance; part of its transactional ids. Unset: the name of the host.'),
  SLUICE_API_HOST: z.string().default('127.0.0.1').describe('Address of the HTTP API.'),
  SLUICE_API_PORT: z.coerce.number().int().min(0).max(65_535).default(8080).describe('Its port; 0 for a free one.'),
  SLUICE_DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//)
    .describe('`postgres://` URL of the database; migrations run at start.'),
  SLUICE_KAFKA_BROKERS: z.string().min(1).describe('Kafka bootstrap servers, `host:port`, several with commas.'),
  SLUICE_KAFKA_USERNAME: z.string().optional().describe('SCRAM-SHA-512 account that may administer topics, accounts and ACLs.'),
  SLUICE_KAFKA_PASSWORD: z.string().optional().describe('Its password.'),
  SLUICE_KAFKA_TLS: z.enum(['true', 'false']).default('false').describe('`true` to speak TLS to Kafka.'),
  SLUICE_OPERATOR_SECRET: z.string().min(12).describe('Secret of the account `admin`; a changed one holds from the next start.'),
  SLUICE_RESERVED_ACCOUNTS: z.string().default('').describe('Kafka users that no account may take, with commas.'),
  SLUICE_DATA_DIR: z.string().default('.sluice').describe('Where the key file and the watched folder are unless set.'),
  SLUICE_KMS_KEY_FILE: z.string().optional().describe('File of the local master key; made when missing.'),
  SLUICE_REGISTRY_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('URL of an external Confluent-compatible schema registry. Unset: `/registry` is served.'),
  SLUICE_REGISTRY_USERNAME: z.string().optional().describe('Account for that registry.'),
  SLUICE_REGISTRY_PASSWORD: z.string().optional().describe('Secret for that registry.'),
  SLUICE_INTAKE_DIR: z.string().optional().describe('The watched folder; `off` for none. Unset: `intake` in the data directory.'),
  SLUICE_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severity that is logged.'),
});

type Environment = z.infer<typeof environment>;

/** Fails with `config-invalid` naming the setting, never its value. An unknown `SLUICE_*` key is an error: it may be a misspelt one. */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): Result<ControlPlaneConfig> {
  const ours = Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('SLUICE_')));
  const parsed = environment.safeParse(ours);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const names =
      issue?.code === 'unrecognized_keys' ? `unknown: ${issue.keys.join(', ')}` : `${issue?.path.join('.')}: ${issue?.message}`;
    return fail('config-invalid', `reading settings: ${names}`);
  }
  return ok(configOf(parsed.data));
}

/** Where traces and metrics go; nothing for nowhere. */
export function readOtlpEndpoint(variables: Readonly<Record<string, string | undefined>>): { endpoint?: string } {
  const endpoint = variables['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return endpoint === undefined || endpoint === '' ? {} : { endpoint };
}

function configOf(env: Environment): ControlPlaneConfig {
  const instance =
    env.SLUICE_INSTANCE ??
    hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]/g, '-')
      .slice(0, 64);
  const dataDirectory = resolve(env.SLUICE_DATA_DIR);
  return {
    instance,
    listen: { host: env.SLUICE_API_HOST, port: env.SLUICE_API_PORT },
    databaseUrl: env.SLUICE_DATABASE_URL,
    kafka: kafkaOf(env, instance),
    operatorSecret: env.SLUICE_OPERATOR_SECRET,
    reservedAccounts: listOf(env.SLUICE_RESERVED_ACCOUNTS),
    masterKeyFile: env.SLUICE_KMS_KEY_FILE ?? join(dataDirectory, 'keys', 'master.key'),
    registry: registryOf(env),
    intakeDirectory: env.SLUICE_INTAKE_DIR === 'off' ? null : resolve(env.SLUICE_INTAKE_DIR ?? join(dataDirectory, 'intake')),
    logLevel: env.SLUICE_LOG_LEVEL,
  };
}

function kafkaOf(env: Environment, instance: string): KafkaOptions {
  const base = {
    brokers: listOf(env.SLUICE_KAFKA_BROKERS),
    clientId: `sluice-control-plane-${instance}`,
    tls: env.SLUICE_KAFKA_TLS === 'true',
  };
  if (env.SLUICE_KAFKA_USERNAME === undefined) return base;
  return { ...base, sasl: { username: env.SLUICE_KAFKA_USERNAME, password: env.SLUICE_KAFKA_PASSWORD ?? '' } };
}

function registryOf(env: Environment): RegistryOptions | null {
  if (env.SLUICE_REGISTRY_URL === undefined) return null;
  const url = { url: env.SLUICE_REGISTRY_URL };
  if (env.SLUICE_REGISTRY_USERNAME === undefined) return url;
  return { ...url, username: env.SLUICE_REGISTRY_USERNAME, password: env.SLUICE_REGISTRY_PASSWORD ?? '' };
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
