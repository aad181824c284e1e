/** The command line of a redrive, read into a request: every option is text, and what is wrong is said before anything is opened. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { KafkaOptions } from '../../../libs/adapters/kafka/index.ts';
import type { VaultSettings } from '../../../libs/adapters/kms/index.ts';
import { vaultSettingsOf } from '../../../libs/adapters/kms/index.ts';
import type { ErrorCode, Result } from '../../../libs/base/index.ts';
import { errorCodes, fail, ok, parseId } from '../../../libs/base/index.ts';
import type { ReplayRequest } from './replay.ts';
import type { Selection } from './selection.ts';

export interface ReplayOptions {
  readonly request: ReplayRequest;
  readonly kafka: KafkaOptions;
  readonly account: string;
  readonly vault: VaultSettings;
  readonly registry: { readonly url: string; readonly username?: string; readonly password?: string };
}

const required = ['dataset', 'agreement', 'brokers', 'account', 'registry'] as const;
const optional = [
  'kms-key-file',
  'signer-keys-file',
  'vault-address',
  'vault-token-file',
  'vault-namespace',
  'vault-mount',
  'vault-key',
  'vault-signing-key',
  'vault-ca-file',
  'secret',
  'secret-file',
  'registry-account',
  'registry-secret-file',
  'key-file',
  'reason',
  'field',
  'partition',
  'offsets',
  'refused',
  'attempt',
  'rate',
  'id',
] as const;
type Name = (typeof required)[number] | (typeof optional)[number];
type Texts = Partial<Record<Name, string>>;

const rateDefault = '100';
const rateMax = 1_000_000;
const privateKeyBytes = 32;

/** Fails with `request-invalid` for a command line that is wrong, and with `config-invalid` or `not-found` for a file. */
export async function readReplayOptions(args: readonly string[]): Promise<Result<ReplayOptions>> {
  const read = texts(args);
  if (!read.ok) return read;
  const { values, run, tls } = read.value;
  const missing = required.filter((name) => values[name] === undefined);
  if (missing.length > 0) return fail('request-invalid', `missing ${missing.map((name) => `--${name}`).join(', ')}`);
  const { dataset = '', agreement = '', brokers = '', account = '', registry = '', rate = rateDefault } = values;
  for (const [name, text] of Object.entries({ dataset, agreement, id: values.id ?? 'x' })) {
    const id = parseId(`--${name}`, text);
    if (!id.ok) return id;
  }
  if (!URL.canParse(registry)) return fail('request-invalid', '--registry is a URL');
  if (!/^[1-9]\d*$/.test(rate) || Number(rate) > rateMax)
    return fail('request-invalid', `--rate is a whole number of records a second, from 1 to ${rateMax}`);
  const selection = selectionOf(values);
  if (!selection.ok) return selection;
  if ((values.secret === undefined) === (values['secret-file'] === undefined))
    return fail('request-invalid', 'give --secret or --secret-file, one of them');
  const password = values.secret === undefined ? await secretIn(values['secret-file']) : ok(values.secret);
  if (!password.ok) return password;
  if ((values['registry-account'] === undefined) !== (values['registry-secret-file'] === undefined))
    return fail('request-invalid', '--registry-account and --registry-secret-file belong together');
  const registrySecret =
    values['registry-secret-file'] === undefined ? ok(undefined) : await secretIn(values['registry-secret-file']);
  if (!registrySecret.ok) return registrySecret;
  const privateKey = values['key-file'] === undefined ? ok(undefined) : await readPrivateKey(values['key-file']);
  if (!privateKey.ok) return privateKey;
  const vault = vaultOf(values);
  if (!vault.ok) return vault;
  const { 'registry-account': username } = values;
  return ok({
    request: {
      id: values.id ?? `replay-${randomBytes(8).toString('hex')}`,
      dataset,
      agreement,
      selection: selection.value,
      rate: Number(rate),
      run,
      ...(privateKey.value === undefined ? {} : { privateKey: privateKey.value }),
    },
    kafka: {
      brokers: brokers.split(','),
      clientId: 'sluice-replay',
      tls,
      sasl: { username: account, password: password.value },
    },
    account,
    vault: { ...vault.value, mustExist: true },
    registry: {
      url: registry,
      ...(username === undefined || registrySecret.value === undefined ? {} : { username, password: registrySecret.value }),
    },
  });
}

function texts(args: readonly string[]): Result<{ readonly values: Texts; readonly run: boolean; readonly tls: boolean }> {
  const named = Object.fromEntries([...required, ...optional].map((name) => [name, { type: 'string' as const }]));
  const flags = { run: { type: 'boolean' as const }, tls: { type: 'boolean' as const } };
  try {
    const { values } = parseArgs({ args: [...args], options: { ...named, ...flags }, strict: true, allowPositionals: false });
    const { run, tls, ...given } = values as Texts & { run?: boolean; tls?: boolean };
    return ok({ values: given, run: run ?? false, tls: tls ?? false });
  } catch (error) {
    const text =
      typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'the options are malformed';
    return fail('request-invalid', (text.split(/\.\s/)[0] ?? text).replace(/\.$/, ''));
  }
}

function selectionOf({ reason, field, partition, offsets, refused, attempt }: Texts): Result<Selection> {
  const reasons = reason?.split(',');
  const unknown = reasons?.find((code) => !errorCodes.includes(code as ErrorCode));
  if (unknown !== undefined) return fail('request-invalid', `--reason: there is no code ${unknown}; docs/errors.md lists them`);
  for (const [name, text] of Object.entries({ partition, attempt }))
    if (text !== undefined && !/^\d{1,9}$/.test(text)) return fail('request-invalid', `--${name} is a whole number`);
  const range = /^(\d{1,18})?\.\.(\d{1,18})?$/.exec(offsets ?? '..');
  if (range === null) return fail('request-invalid', '--offsets is a range such as 100..200, 100.. or ..200');
  const [fromText = '', toText = ''] = (refused ?? '..').split('..');
  const [from, to] = [fromText, toText].map((text) => (text === '' ? undefined : Date.parse(text)));
  if (!(refused ?? '..').includes('..') || Number.isNaN(from) || Number.isNaN(to))
    return fail('request-invalid', '--refused is a range of times such as 2026-11-01T08:00Z..2026-11-02T08:00Z');
  const [, first, last] = range;
  return ok({
    ...(reasons === undefined ? {} : { reasons }),
    ...(field === undefined ? {} : { field }),
    ...(partition === undefined ? {} : { partition: Number(partition) }),
    ...(attempt === undefined ? {} : { attempt: Number(attempt) }),
    ...(first === undefined ? {} : { offsetFrom: BigInt(first) }),
    ...(last === undefined ? {} : { offsetTo: BigInt(last) }),
    ...(from === undefined ? {} : { refusedFromMs: from }),
    ...(to === undefined ? {} : { refusedToMs: to }),
  });
}

/** The same as the settings of the data plane, by other names. */
function vaultOf(values: Texts): Result<VaultSettings> {
  if ((values['kms-key-file'] ?? values['vault-address']) === undefined)
    return fail('request-invalid', 'missing --kms-key-file, or --vault-address with --vault-token-file');
  if (values['vault-address'] !== undefined && values['vault-token-file'] === undefined)
    return fail('request-invalid', '--vault-address needs --vault-token-file');
  return vaultSettingsOf({
    SLUICE_KMS_KEY_FILE: values['kms-key-file'],
    SLUICE_SIGNER_KEYS_FILE: values['signer-keys-file'],
    SLUICE_VAULT_ADDR: values['vault-address'],
    SLUICE_VAULT_TOKEN_FILE: values['vault-token-file'],
    SLUICE_VAULT_NAMESPACE: values['vault-namespace'],
    SLUICE_VAULT_TRANSIT_MOUNT: values['vault-mount'],
    SLUICE_VAULT_KEY: values['vault-key'],
    SLUICE_VAULT_SIGNING_KEY: values['vault-signing-key'],
    SLUICE_VAULT_CA_FILE: values['vault-ca-file'],
  });
}

async function secretIn(file = ''): Promise<Result<string>> {
  try {
    return ok((await readFile(file, 'utf8')).trimEnd());
  } catch {
    return fail('not-found', `the file ${file} cannot be read`);
  }
}

/** The publisher's X25519 private key: 32 bytes, or the same as base64url text. Refuses a file that others may read, and a link. */
async function readPrivateKey(file: string): Promise<Result<Uint8Array>> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return fail('not-found', `the key file ${file} cannot be read`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return fail('config-invalid', `the key file ${file} is not a file`);
    if ((stats.mode & 0o077) !== 0)
      return fail('config-invalid', `the key file ${file} may be used by other accounts: run chmod 600 on it`);
    const bytes = await handle.readFile();
    const text = bytes.toString('latin1').trim();
    if (bytes.length === privateKeyBytes) return ok(bytes);
    if (/^[\w-]{43}$/.test(text)) return ok(Buffer.from(text, 'base64url'));
    return fail('config-invalid', `the key file ${file} must hold ${privateKeyBytes} bytes, or them as base64url`);
  } finally {
    await handle.close();
  }
}
