export { LocalFileVault } from './local-file-vault.ts';
export { rotateMasterKey } from './master-key-file.ts';
export { openChecker, openSigner } from './open-signer.ts';
export type { VaultSettings } from './open-vault.ts';
export { keyReaderSettings, openVault, transitSettings, vaultSettingsOf } from './open-vault.ts';
export type { TransitOptions } from './transit-client.ts';
export { retireSigningKeys, rotateSigningKey } from './signing-key-file.ts';
