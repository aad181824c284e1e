/** Errors as the Confluent Schema Registry answers them: a code whose first digits are the HTTP status, and a sentence. */
import type { Failure } from '../../../libs/base/index.ts';
import { errorCatalogue } from '../../../libs/base/index.ts';

export const registryMediaType = 'application/vnd.schemaregistry.v1+json';

export class RegistryError extends Error {
  readonly errorCode: number;

  /** @param errorCode e.g. 40401: the status is its first three digits. */
  constructor(errorCode: number, message: string) {
    super(message);
    this.name = 'RegistryError';
    this.errorCode = errorCode;
  }

  get status(): number {
    return Number(String(this.errorCode).slice(0, 3));
  }
}

export const registryErrors = {
  subjectNotFound: (subject: string) => new RegistryError(40401, `Subject '${subject}' not found.`),
  versionNotFound: (version: number | string) => new RegistryError(40402, `Version ${version} not found.`),
  schemaNotFound: (what: string) => new RegistryError(40403, `Schema ${what} not found`),
  subjectSoftDeleted: (subject: string) =>
    new RegistryError(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`),
  subjectNotSoftDeleted: (subject: string) =>
    new RegistryError(40405, `Subject '${subject}' was not deleted first before being permanently deleted`),
  versionSoftDeleted: (subject: string, version: number) =>
    new RegistryError(
      40406,
      `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
    ),
  versionNotSoftDeleted: (subject: string, version: number) =>
    new RegistryError(40407, `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`),
  levelNotSet: (subject: string) =>
    new RegistryError(40408, `Subject '${subject}' does not have subject-level compatibility configured`),
  invalidSchema: (detail: string) => new RegistryError(42201, `Invalid schema: ${detail}`),
  invalidVersion: () =>
    new RegistryError(
      42202,
      'The specified version is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"',
    ),
  invalidLevel: () =>
    new RegistryError(
      42203,
      'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
    ),
  modeFixed: () => new RegistryError(42205, 'The mode is READWRITE and cannot be changed'),
} as const;

/** Our Failures in the registry's codes. */
export function registryErrorOf(failure: Failure): RegistryError {
  switch (failure.code) {
    case 'schema-incompatible':
      return new RegistryError(409, `Schema being registered is incompatible with an earlier schema; error: ${failure.message}`);
    case 'schema-invalid':
    case 'plan-invalid':
    case 'field-unnamed':
    case 'predicate-invalid':
    case 'policy-invalid':
      return registryErrors.invalidSchema(failure.message);
    case 'unauthenticated':
      return new RegistryError(40101, failure.message);
    case 'forbidden':
      return new RegistryError(40301, failure.message);
    case 'schema-unknown':
      return new RegistryError(40403, failure.message);
    case 'database-unreachable':
      return new RegistryError(50301, failure.message);
    default:
      return new RegistryError(errorCatalogue[failure.code].status * 100 + 1, failure.message);
  }
}
