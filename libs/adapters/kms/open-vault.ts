/** The one way in which every role opens its vault: HashiCorp Vault where its address is set, else the local file. */
import { access } from 'node:fs/promises';
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { KeyVault, WrappedKey } from '../../catalog/index.ts';
import { LocalFileVault } from './local-file-vault.ts';
import type { TransitOptions } from './transit-client.ts';
import { VaultTransit } from './vault-transit.ts';

export interface VaultSettings {
  /** File of the local master keys; made when missing, unless a key service wraps. */
  readonly keyFile?: string;
  /** HashiCorp Vault, which then wraps; the file, where there is one, still opens what it wrapped before. */
  readonly transit?: TransitOptions;
  /** File of the local signing keys; beside the master keys unless given, and none where Vault signs. */
  readonly signingKeyFile?: string;
  /** File of the public keys that signatures are checked by; beside the signing keys unless given. */
  readonly signerKeysFile?: string;
  /** Whether a missing file is no reason to make one: it could open nothing. */
  readonly mustExist?: boolean;
}

/** Settings of a role, to be spread into the schema of its `config.ts`; the key file is the role's own matter. */
export const transitSettings = {
  SLUICE_VAULT_ADDR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'URL of HashiCorp Vault, https, or http on 127.0.0.1. Set: its transit secrets engine wraps keys, and not the local file.',
    ),
  SLUICE_VAULT_TOKEN_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('File that holds the token for Vault, required with its address; read again when it changes.'),
  SLUICE_VAULT_NAMESPACE: z.string().min(1).optional().describe('Namespace of Vault Enterprise.'),
  SLUICE_VAULT_TRANSIT_MOUNT: z.string().min(1).default('transit').describe('Path of the transit secrets engine.'),
  SLUICE_VAULT_KEY: z.string().min(1).default('sluice').describe('Its key, of type `aes256-gcm96`.'),
  SLUICE_VAULT_SIGNING_KEY: z.string().min(1).default('sluice-signing').describe('Its key that signs, of type `ed25519`.'),
  SLUICE_VAULT_CA_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('Certificates in PEM by which Vault is known. Unset: those of Node.'),
} as const;

/** Settings of a role that follows what the control plane signs and opens what it wrapped, to be spread as `transitSettings`. */
export const keyReaderSettings = {
  SLUICE_KMS_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("File of the local master keys, which is the control plane's; required unless Vault is set"),
  SLUICE_SIGNER_KEYS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File of the public keys that directives are signed by. Unset: `signing.public.json` beside the master keys, or the key of Vault',
    ),
  ...transitSettings,
} as const;

type VaultEnvironment = { readonly [Name in keyof typeof transitSettings]?: string | undefined } & {
  readonly SLUICE_KMS_KEY_FILE?: string | undefined;
  readonly SLUICE_SIGNING_KEY_FILE?: string | undefined;
  readonly SLUICE_SIGNER_KEYS_FILE?: string | undefined;
};

/** `fileDefault` is where the local keys are when nothing is said. Fails with `config-invalid` where what belongs together is not there. */
export function vaultSettingsOf(env: VaultEnvironment, fileDefault?: string): Result<VaultSettings> {
  const { SLUICE_KMS_KEY_FILE: keyFile = fileDefault, SLUICE_VAULT_ADDR: address, SLUICE_VAULT_TOKEN_FILE: tokenFile } = env;
  const { SLUICE_SIGNING_KEY_FILE: signingKeyFile, SLUICE_SIGNER_KEYS_FILE: signerKeysFile } = env;
  const signing = {
    ...(signingKeyFile === undefined ? {} : { signingKeyFile }),
    ...(signerKeysFile === undefined ? {} : { signerKeysFile }),
  };
  if (address === undefined)
    return keyFile === undefined
      ? fail('config-invalid', 'SLUICE_KMS_KEY_FILE or SLUICE_VAULT_ADDR is required')
      : ok({ keyFile, ...signing });
  if (tokenFile === undefined) return fail('config-invalid', 'SLUICE_VAULT_ADDR needs SLUICE_VAULT_TOKEN_FILE');
  const { SLUICE_VAULT_NAMESPACE: namespace, SLUICE_VAULT_TRANSIT_MOUNT: mount, SLUICE_VAULT_KEY: key } = env;
  const { SLUICE_VAULT_SIGNING_KEY: signingKey } = env;
  const transit = {
    address,
    tokenFile,
    ...(namespace === undefined ? {} : { namespace }),
    ...(mount === undefined ? {} : { mount }),
    ...(key === undefined ? {} : { key }),
    ...(signingKey === undefined ? {} : { signingKey }),
    ...(env.SLUICE_VAULT_CA_FILE === undefined ? {} : { caFile: env.SLUICE_VAULT_CA_FILE }),
  };
  return ok({ transit, ...(keyFile === undefined ? {} : { keyFile }), ...signing });
}

/** Fails with `config-invalid`, or `not-found` for a file that must exist and does not. Asks nothing of a key service. */
export async function openVault({ keyFile, transit, mustExist = false }: VaultSettings): Promise<Result<KeyVault>> {
  const exists = keyFile !== undefined && (await isThere(keyFile));
  if (transit === undefined) {
    if (keyFile === undefined) return fail('config-invalid', 'there is neither a master key file nor a key service');
    return mustExist && !exists
      ? fail('not-found', `the master key file ${keyFile} cannot be read`)
      : LocalFileVault.open(keyFile);
  }
  const newest = await VaultTransit.open(transit);
  if (!newest.ok || !exists) return newest;
  const earlier = await LocalFileVault.open(keyFile);
  return earlier.ok ? ok(new MovingVault(newest.value, earlier.value)) : earlier;
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** What master keys of files are called. */
const fileKeyId = /^[0-9a-f]{16}$/;

/** Wraps in one vault, and opens what is still of the other: so keys move when they are wrapped anew. */
class MovingVault implements KeyVault {
  readonly #newest: KeyVault;
  readonly #earlier: KeyVault;

  constructor(newest: KeyVault, earlier: KeyVault) {
    this.#newest = newest;
    this.#earlier = earlier;
  }

  wrap(plain: Uint8Array, context: string): Promise<Result<WrappedKey>> {
    return this.#newest.wrap(plain, context);
  }

  unwrap(key: WrappedKey, context: string): Promise<Result<Uint8Array>> {
    return (fileKeyId.test(key.keyId) ? this.#earlier : this.#newest).unwrap(key, context);
  }

  async rewrap(key: WrappedKey, context: string): Promise<Result<WrappedKey>> {
    if (!fileKeyId.test(key.keyId)) return this.#newest.rewrap(key, context);
    const opened = await this.#earlier.unwrap(key, context);
    if (!opened.ok) return opened;
    const wrapped = await this.#newest.wrap(opened.value, context);
    opened.value.fill(0);
    return wrapped.ok ? ok({ ...wrapped.value, epoch: key.epoch }) : wrapped;
  }

  newestKeyId(): Promise<Result<string>> {
    return this.#newest.newestKeyId();
  }
}
