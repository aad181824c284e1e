export type { RegisteredVersion, RegistryOptions } from './registry-client.ts';
export { RegistryClient } from './registry-client.ts';
