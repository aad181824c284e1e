/** Settings of link, from the environment. An unknown `SLUICE_*` name is an error: a misspelt setting must not be a silent default. */
import { z } from 'zod';
import type { VaultSettings } from '../../libs/adapters/kms/index.ts';
import { keyReaderSettings, vaultSettingsOf } from '../../libs/adapters/kms/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

export const linkSettings = z.strictObject({
  SLUICE_KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,]+:\d+(?:,[^\s,]+:\d+)*$/, 'must be host:port, several with commas')
    .describe('Kafka bootstrap servers, comma separated'),
  SLUICE_KAFKA_USERNAME: z.string().min(1).optional().describe('SCRAM-SHA-512 user; may read `sluice.directives` and `gov.*`'),
  SLUICE_KAFKA_PASSWORD: z.string().min(1).optional().describe('SCRAM-SHA-512 password'),
  SLUICE_KAFKA_TLS: z.stringbool().default(false).describe('Whether to use TLS towards Kafka'),
  ...keyReaderSettings,
  SLUICE_LINK_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address on which `/v1/streams`, `/health`, `/ready` and `/status` are served'),
  SLUICE_LINK_PORT: z.coerce.number().int().min(0).max(65_535).default(8083).describe('Their port; 0 for a free one'),
  SLUICE_TRUSTED_TARGETS: z
    .string()
    .regex(/^(?:[^\s,]+:\d+(?:,[^\s,]+:\d+)*)?$/, 'must be host:port, several with commas')
    .default('')
    .describe('Targets of webhooks and mirrors that may be private or plain http: `host:port`, several with commas'),
  SLUICE_STREAMS_OPEN_MAX: z.coerce.number().int().min(1).max(10_000).default(256).describe('Streams open at once'),
  SLUICE_STREAMS_PER_ACCOUNT_MAX: z.coerce.number().int().min(1).max(1_000).default(8).describe('Streams of one account'),
});

export interface LinkSettings {
  readonly brokers: readonly string[];
  readonly sasl?: { readonly username: string; readonly password: string };
  readonly tls: boolean;
  readonly vault: VaultSettings;
  readonly listen: { readonly host: string; readonly port: number };
  readonly trusted: ReadonlySet<string>;
  readonly streamsOpenMax: number;
  readonly streamsPerAccountMax: number;
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlpEndpoint?: string;
}

export function readSettings(environment: Readonly<Record<string, string | undefined>>): Result<LinkSettings> {
  const ours = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith('SLUICE_') && value !== undefined),
  );
  const parsed = linkSettings.safeParse(ours);
  if (!parsed.success) return fail('config-invalid', describe(parsed.error));
  const read = parsed.data;
  if ((read.SLUICE_KAFKA_USERNAME === undefined) !== (read.SLUICE_KAFKA_PASSWORD === undefined)) {
    return fail('config-invalid', 'SLUICE_KAFKA_USERNAME and SLUICE_KAFKA_PASSWORD belong together');
  }
  const vault = vaultSettingsOf(read);
  if (!vault.ok) return vault;
  const otlpEndpoint = environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return ok({
    brokers: read.SLUICE_KAFKA_BROKERS.split(','),
    ...(read.SLUICE_KAFKA_USERNAME === undefined || read.SLUICE_KAFKA_PASSWORD === undefined
      ? {}
      : { sasl: { username: read.SLUICE_KAFKA_USERNAME, password: read.SLUICE_KAFKA_PASSWORD } }),
    tls: read.SLUICE_KAFKA_TLS,
    vault: vault.value,
    listen: { host: read.SLUICE_LINK_HOST, port: read.SLUICE_LINK_PORT },
    trusted: new Set(read.SLUICE_TRUSTED_TARGETS.split(',').filter((target) => target !== '')),
    streamsOpenMax: read.SLUICE_STREAMS_OPEN_MAX,
    streamsPerAccountMax: read.SLUICE_STREAMS_PER_ACCOUNT_MAX,
    ...(otlpEndpoint === undefined || otlpEndpoint === '' ? {} : { otlpEndpoint }),
  });
}

/** Names the settings and says what is wrong with each; the values stay out, one of them is a password. */
function describe(error: z.ZodError): string {
  return error.issues
    .map((issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown setting ${issue.keys.join(', ')}`
        : `${issue.path.join('.')}: ${issue.message}`,
    )
    .join('; ');
}
