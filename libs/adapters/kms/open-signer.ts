/** The one way in which the control plane opens its signer, and data plane and link what they check signatures by. */
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { SignatureChecker, Signer } from '../../catalog/index.ts';
import { FileChecker, FileSigner } from './file-signer.ts';
import type { VaultSettings } from './open-vault.ts';
import { publicKeysFileOf } from './signing-key-file.ts';
import type { TransitOptions } from './transit-client.ts';
import { TransitSigner } from './transit-signer.ts';

const transitKeyDefault = 'sluice-signing';

/** The file beside that of the master keys, unless it was given; undefined where Vault signs. */
function signingFileOf({ signingKeyFile, keyFile, transit }: VaultSettings): string | undefined {
  if (signingKeyFile !== undefined || transit !== undefined) return signingKeyFile;
  return keyFile === undefined ? undefined : path.join(path.dirname(keyFile), 'signing.json');
}

const transitOf = (transit: TransitOptions): TransitOptions => ({ ...transit, key: transit.signingKey ?? transitKeyDefault });

/** Makes a missing file. Fails with `config-invalid`. Asks nothing of a key service. */
export async function openSigner(
  settings: VaultSettings,
): Promise<Result<{ readonly signer: Signer; readonly checker: SignatureChecker }>> {
  const file = signingFileOf(settings);
  if (file === undefined) {
    if (settings.transit === undefined) return fail('config-invalid', 'there is neither a signing key file nor a key service');
    const opened = await TransitSigner.open(transitOf(settings.transit));
    return opened.ok ? ok({ signer: opened.value, checker: opened.value }) : opened;
  }
  const signer = await FileSigner.open(file);
  if (!signer.ok) return signer;
  const checker = await FileChecker.open(publicKeysFileOf(file));
  return checker.ok ? ok({ signer: signer.value, checker: checker.value }) : checker;
}

/** Needs public keys alone, and makes none. Fails with `config-invalid`. Asks nothing of a key service. */
export async function openChecker(settings: VaultSettings): Promise<Result<SignatureChecker>> {
  const signing = signingFileOf(settings);
  const file = settings.signerKeysFile ?? (signing === undefined ? undefined : publicKeysFileOf(signing));
  if (file !== undefined) return FileChecker.open(file);
  return settings.transit === undefined
    ? fail('config-invalid', 'there is neither a file of public signing keys nor a key service')
    : TransitSigner.open(transitOf(settings.transit));
}
