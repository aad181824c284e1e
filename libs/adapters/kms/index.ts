export { LocalFileVault } from './local-file-vault.ts';
