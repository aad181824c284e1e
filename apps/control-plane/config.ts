/** The settings of the control plane. The only place in this app that reads the environment. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { z } from 'zod';

import type { VaultSettings } from '../../libs/adapters/kms/index.ts';
import { transitSettings, vaultSettingsOf } from '../../libs/adapters/kms/index.ts';
import type { RegistryOptions } from '../../libs/adapters/registry/index.ts';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail, ok } from '../../libs/base/index.ts';
import type { OperatorSecret } from './commands/ensure-operator.ts';
import type { OidcOptions } from './http/oidc-issuers.ts';
import { isTrustedUrl } from './http/oidc-issuers.ts';

export interface ControlPlaneConfig {
  /** Name of this instance: stable over restarts and its own, because transactional ids are made of it. a-z, 0-9, hyphens. */
  readonly instance: string;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly databaseUrl: string;
  readonly kafka: KafkaOptions;
  /** Where the secret of the account `admin` comes from; null keeps the one that it has. */
  readonly operatorSecret: OperatorSecret | null;
  /** API key of the installation's own service account; without one there is no such account. */
  readonly ownKey?: string;
  /** Whose tokens are taken; null for nobody's. */
  readonly oidc: OidcOptions | null;
  /** Names of Kafka users that no account may take, beside the one in `kafka`. */
  readonly reservedAccounts?: readonly string[];
  /** What wraps keys. */
  readonly vault: VaultSettings;
  /** An external Confluent registry as the authority; null for our own. */
  readonly registry: RegistryOptions | null;
  /** The watched folder; null for none. */
  readonly intakeDirectory: string | null;
  /** Requests of one account that are answered, on average over ten seconds. */
  readonly requestsPerSecondMax: number;
  /** What subscribers are told where it differs from what this process itself uses. */
  readonly places?: {
    readonly brokers?: readonly string[];
    /** URL of this API. */
    readonly apiUrl?: string;
    /** URL of link, without a path; asked whenever a subscriber is told. */
    readonly streamsUrl?: () => string | null;
  };
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
  SLUICE_PUBLIC_API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('URL of the API as subscribers reach it. Unset: the address that it listens on.'),
  SLUICE_PUBLIC_STREAMS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('URL of link as subscribers reach it. Unset: they are told of no streams over HTTP.'),
  SLUICE_PUBLIC_KAFKA_BROKERS: z
    .string()
    .default('')
    .describe('Bootstrap servers as subscribers reach them, with commas. Unset: those of `SLUICE_KAFKA_BROKERS`.'),
  SLUICE_DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//)
    .describe('`postgres://` URL of the database; migrations run at start.'),
  SLUICE_KAFKA_BROKERS: z.string().min(1).describe('Kafka bootstrap servers, `host:port`, several with commas.'),
  SLUICE_KAFKA_USERNAME: z.string().optional().describe('SCRAM-SHA-512 account that may administer topics, accounts and ACLs.'),
  SLUICE_KAFKA_PASSWORD: z.string().optional().describe('Its password.'),
  SLUICE_KAFKA_TLS: z.enum(['true', 'false']).default('false').describe('`true` to speak TLS to Kafka.'),
  SLUICE_OPERATOR_SECRET: z
    .string()
    .min(12)
    .optional()
    .describe(
      'Secret of the account `admin`; a changed one holds from the next start. Unset: the one that it has; the first start needs it.',
    ),
  SLUICE_OIDC_ISSUERS: z
    .string()
    .default('')
    .refine((text) => listOf(text).every(isTrustedUrl), 'must be https URLs, or http on 127.0.0.1, with commas')
    .describe(
      'Issuer URLs whose access tokens are taken, exactly as their claim `iss`, with commas; https, or anything on 127.0.0.1.',
    ),
  SLUICE_OIDC_AUDIENCE: z.string().optional().describe('What the claim `aud` of their tokens must hold; required with issuers.'),
  SLUICE_RESERVED_ACCOUNTS: z.string().default('').describe('Kafka users that no account may take, with commas.'),
  SLUICE_DATA_DIR: z.string().default('.sluice').describe('Where the key file and the watched folder are unless set.'),
  SLUICE_KMS_KEY_FILE: z.string().optional().describe('File of the local master keys; made when missing, unless Vault is set.'),
  SLUICE_SIGNING_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File of the key that signs directives; made when missing. Unset: `signing.json` beside the master keys, or the key of Vault.',
    ),
  ...transitSettings,
  SLUICE_REGISTRY_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('URL of an external Confluent-compatible schema registry. Unset: `/registry` is served.'),
  SLUICE_REGISTRY_USERNAME: z.string().optional().describe('Account for that registry.'),
  SLUICE_REGISTRY_PASSWORD: z.string().optional().describe('Secret for that registry.'),
  SLUICE_INTAKE_DIR: z.string().optional().describe('The watched folder; `off` for none. Unset: `intake` in the data directory.'),
  SLUICE_API_REQUESTS_PER_SECOND_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(200)
    .describe('Requests that one account may send to one instance, on average over ten seconds.'),
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
  if (listOf(parsed.data.SLUICE_OIDC_ISSUERS).length > 0 && (parsed.data.SLUICE_OIDC_AUDIENCE ?? '') === '')
    return fail('config-invalid', 'reading settings: SLUICE_OIDC_ISSUERS needs SLUICE_OIDC_AUDIENCE');
  const keyFile = join(resolve(parsed.data.SLUICE_DATA_DIR), 'keys', 'master.key');
  const vault = vaultSettingsOf(parsed.data, keyFile);
  return vault.ok ? ok({ ...configOf(parsed.data), vault: vault.value }) : during('reading settings', vault.failure);
}

/** Where traces and metrics go; nothing for nowhere. */
export function readOtlpEndpoint(variables: Readonly<Record<string, string | undefined>>): { endpoint?: string } {
  const endpoint = variables['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return endpoint === undefined || endpoint === '' ? {} : { endpoint };
}

function configOf(env: Environment): Omit<ControlPlaneConfig, 'vault'> {
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
    operatorSecret: env.SLUICE_OPERATOR_SECRET === undefined ? null : { secret: env.SLUICE_OPERATOR_SECRET },
    oidc: oidcOf(env),
    reservedAccounts: listOf(env.SLUICE_RESERVED_ACCOUNTS),
    registry: registryOf(env),
    intakeDirectory: env.SLUICE_INTAKE_DIR === 'off' ? null : resolve(env.SLUICE_INTAKE_DIR ?? join(dataDirectory, 'intake')),
    requestsPerSecondMax: env.SLUICE_API_REQUESTS_PER_SECOND_MAX,
    places: placesOf(env),
    logLevel: env.SLUICE_LOG_LEVEL,
  };
}

function placesOf(env: Environment): NonNullable<ControlPlaneConfig['places']> {
  const brokers = listOf(env.SLUICE_PUBLIC_KAFKA_BROKERS);
  const streamsUrl = env.SLUICE_PUBLIC_STREAMS_URL ?? null;
  return {
    ...(brokers.length === 0 ? {} : { brokers }),
    ...(env.SLUICE_PUBLIC_API_URL === undefined ? {} : { apiUrl: env.SLUICE_PUBLIC_API_URL }),
    streamsUrl: () => streamsUrl,
  };
}

function kafkaOf(env: Environment, instance: string): KafkaOptions {
  const base = {
    brokers: listOf(env.SLUICE_KAFKA_BROKERS),
    clientId: `sluice-control-plane-${instance}`,
    tls: env.SLUICE_KAFKA_TLS === 'true',
  };
  if (env.SLUICE_KAFKA_USERNAME === undefined) return base;
  return {
    ...base,
    sasl: {
      username: env.SLUICE_KAFKA_USERNAME,
      password: env.SLUICE_KAFKA_PASSWORD ?? '',
    },
  };
}

function oidcOf(env: Environment): OidcOptions | null {
  const issuers = listOf(env.SLUICE_OIDC_ISSUERS);
  return issuers.length === 0 ? null : { issuers, audience: env.SLUICE_OIDC_AUDIENCE ?? '' };
}

function registryOf(env: Environment): RegistryOptions | null {
  if (env.SLUICE_REGISTRY_URL === undefined) return null;
  const url = { url: env.SLUICE_REGISTRY_URL };
  if (env.SLUICE_REGISTRY_USERNAME === undefined) return url;
  return {
    ...url,
    username: env.SLUICE_REGISTRY_USERNAME,
    password: env.SLUICE_REGISTRY_PASSWORD ?? '',
  };
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
