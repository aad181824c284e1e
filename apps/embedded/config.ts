/** Settings of the embedded Sluice: everything has a default; an address of a real cluster takes the place of the embedded one. */
import path from 'node:path';
import { z } from 'zod';
import type { VaultSettings } from '../../libs/adapters/kms/index.ts';
import { transitSettings, vaultSettingsOf } from '../../libs/adapters/kms/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import { isTrustedUrl } from '../control-plane/http/oidc-issuers.ts';

const port = z.coerce.number().int().min(1).max(65_535);

export const settings = z.strictObject({
  /** Brokers of a real cluster, `host:port`, several with commas. Unset: an embedded Kafka is started. */
  SLUICE_KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,]+:\d+(?:,[^\s,]+:\d+)*$/, 'must be host:port, several with commas')
    .optional(),
  /** SCRAM-SHA-512 account of that cluster that may administer topics, accounts and ACLs. */
  SLUICE_KAFKA_USERNAME: z.string().min(1).optional(),
  /** Its password. */
  SLUICE_KAFKA_PASSWORD: z.string().min(1).optional(),
  /** `true` to speak TLS to that cluster. */
  SLUICE_KAFKA_TLS: z.enum(['true', 'false']).default('false'),
  /** `postgres://` URL of a real database. Unset: an embedded PostgreSQL is started. */
  SLUICE_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/, 'must be a postgres:// URL')
    .optional(),
  /** URL of a Confluent-compatible schema registry. Unset: Sluice serves its own. */
  SLUICE_REGISTRY_URL: z.url().optional(),
  /** Account for that registry. */
  SLUICE_REGISTRY_USERNAME: z.string().min(1).optional(),
  /** Secret for that registry. */
  SLUICE_REGISTRY_PASSWORD: z.string().min(1).optional(),
  /** OIDC issuer URLs whose access tokens are taken, exactly as their claim `iss`, with commas; https, or anything on 127.0.0.1. */
  SLUICE_OIDC_ISSUERS: z
    .string()
    .refine((text) => text.split(',').every((url) => isTrustedUrl(url.trim())), 'must be https URLs, with commas')
    .optional(),
  /** What the claim `aud` of their tokens must hold. */
  SLUICE_OIDC_AUDIENCE: z.string().min(1).optional(),
  /** Port of the HTTP API, on 127.0.0.1. */
  SLUICE_API_PORT: port.default(8080),
  /** Port of `/v1/streams`, on 127.0.0.1; 0 for a free one. */
  SLUICE_LINK_PORT: z.coerce.number().int().min(0).max(65_535).default(8083),
  /** Port of the embedded Kafka. Unset: the one of the last start, or a free one. */
  SLUICE_EMBEDDED_KAFKA_PORT: port.optional(),
  /** Port of the embedded PostgreSQL. Unset: the one of the last start, or a free one. */
  SLUICE_EMBEDDED_DATABASE_PORT: port.optional(),
  /** Targets of webhooks and mirrors that may be private or plain http: `host:port`, several with commas. With the demo, all on 127.0.0.1 but our own. */
  SLUICE_TRUSTED_TARGETS: z
    .string()
    .regex(/^(?:[^\s,]+:\d+(?:,[^\s,]+:\d+)*)?$/, 'must be host:port, several with commas')
    .default(''),
  ...transitSettings,
  /** Where data, logs and keys are kept; relative to the repository. `-- --fresh` empties it. */
  SLUICE_DATA_DIR: z.string().min(1).default('.sluice'),
});

export interface EmbeddedSettings {
  /** A real cluster; undefined means the embedded one. */
  readonly kafka?: {
    readonly brokers: readonly string[];
    readonly sasl?: { readonly username: string; readonly password: string };
    readonly tls: boolean;
  };
  readonly databaseUrl?: string;
  /** An external registry; undefined means our own. */
  readonly registry?: { readonly url: string; readonly username?: string; readonly password?: string };
  /** Whose tokens are taken; undefined means nobody's. */
  readonly oidc?: { readonly issuers: readonly string[]; readonly audience: string };
  readonly httpPort: number;
  readonly linkPort: number;
  /** `host:port` each. */
  readonly trustedTargets: readonly string[];
  /** What wraps keys: the file in the data directory, or Vault. */
  readonly vault: VaultSettings;
  readonly kafkaPort?: number;
  readonly databasePort?: number;
  /** Absolute. */
  readonly directory: string;
  readonly otlpEndpoint?: string;
}

/** `root` is what a relative directory is relative to. Failure: `config-invalid`; it never repeats a value. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>, root: string): Result<EmbeddedSettings> {
  const ours = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith('SLUICE_') && value !== undefined),
  );
  const known = Object.keys(settings.shape);
  const unknown = Object.keys(ours).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    return fail(
      'config-invalid',
      `there is no setting ${unknown}; did you mean ${nearest(unknown, known)}? docs/config.md lists all`,
    );
  }
  const parsed = settings.safeParse(ours);
  if (!parsed.success) {
    return fail('config-invalid', parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  }
  const read = parsed.data;
  const { SLUICE_KAFKA_USERNAME: username, SLUICE_KAFKA_PASSWORD: password } = read;
  if ((username === undefined) !== (password === undefined)) {
    return fail('config-invalid', 'SLUICE_KAFKA_USERNAME and SLUICE_KAFKA_PASSWORD belong together');
  }
  if (username !== undefined && read.SLUICE_KAFKA_BROKERS === undefined) {
    return fail('config-invalid', 'SLUICE_KAFKA_USERNAME needs SLUICE_KAFKA_BROKERS; the embedded Kafka makes its own account');
  }
  const { SLUICE_OIDC_ISSUERS: issuers, SLUICE_OIDC_AUDIENCE: audience } = read;
  if ((issuers === undefined) !== (audience === undefined)) {
    return fail('config-invalid', 'SLUICE_OIDC_ISSUERS and SLUICE_OIDC_AUDIENCE belong together');
  }
  const directory = path.resolve(root, read.SLUICE_DATA_DIR);
  const vault = vaultSettingsOf(read, path.join(directory, 'keys', 'master.key'));
  if (!vault.ok) return vault;
  const otlpEndpoint = environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return ok({
    ...(read.SLUICE_KAFKA_BROKERS === undefined
      ? {}
      : {
          kafka: {
            brokers: read.SLUICE_KAFKA_BROKERS.split(','),
            ...(username === undefined || password === undefined ? {} : { sasl: { username, password } }),
            tls: read.SLUICE_KAFKA_TLS === 'true',
          },
        }),
    ...given('databaseUrl', read.SLUICE_DATABASE_URL),
    ...given('registry', registryOf(read)),
    ...(issuers === undefined || audience === undefined
      ? {}
      : { oidc: { issuers: issuers.split(',').map((url) => url.trim()), audience } }),
    httpPort: read.SLUICE_API_PORT,
    linkPort: read.SLUICE_LINK_PORT,
    trustedTargets: read.SLUICE_TRUSTED_TARGETS.split(',').filter((target) => target !== ''),
    ...given('kafkaPort', read.SLUICE_EMBEDDED_KAFKA_PORT),
    ...given('databasePort', read.SLUICE_EMBEDDED_DATABASE_PORT),
    vault: vault.value,
    directory,
    ...given('otlpEndpoint', otlpEndpoint === '' ? undefined : otlpEndpoint),
  });
}

function registryOf(read: z.infer<typeof settings>): EmbeddedSettings['registry'] {
  if (read.SLUICE_REGISTRY_URL === undefined) return undefined;
  return {
    url: read.SLUICE_REGISTRY_URL,
    ...given('username', read.SLUICE_REGISTRY_USERNAME),
    ...given('password', read.SLUICE_REGISTRY_PASSWORD),
  };
}

/** The known name with the fewest edits. */
export function nearest(name: string, known: readonly string[]): string {
  const ranked = known.map((candidate) => [candidate, edits(name, candidate)] as const).sort((a, b) => a[1] - b[1]);
  return ranked[0]?.[0] ?? '';
}

/** Levenshtein distance. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value });
}
