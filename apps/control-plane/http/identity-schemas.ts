/** Participants, accounts and API keys as the API takes and shows them. */
import { z } from 'zod';

import { regionCodeIsWellFormed, socialCreditCodeIsValid } from '../../../libs/identifiers/index.ts';
import { scopes } from '../scope.ts';
import { id, line, secret } from './inputs.ts';

const role = z.enum(['publisher', 'subscriber', 'operator', 'auditor', 'platform']);

/** Each once, in the order of the enumeration, so that equal sets are equal. */
const roles = z
  .array(role)
  .min(1)
  .max(role.options.length)
  .transform((given) => role.options.filter((name) => given.includes(name)));

const creditCode = z
  .string()
  .max(64)
  .refine(socialCreditCodeIsValid, 'must be a unified social credit code (GB 32100-2015) with its check character')
  .transform((text) => text.normalize('NFKC'));
const sector = z.string().regex(/^[A-T]$/, 'must be the letter of a section of GB/T 4754-2017, A to T');
const region = z
  .string()
  .refine(
    regionCodeIsWellFormed,
    'must be a country (SG), a subdivision (DE-BY), or in China the digits of GB/T 2260 (CN-33, CN-330108)',
  );

export const participantInput = z
  .strictObject({
    name: line(200),
    roles,
    creditCode: creditCode.nullable().default(null),
    sector: sector.nullable().default(null),
    region: region.nullable().default(null),
  })
  .meta({ id: 'ParticipantInput' });

export const participantAnswer = z
  .strictObject({
    id,
    name: z.string(),
    roles: z.array(role),
    creditCode: z.string().nullable(),
    sector: z.string().nullable(),
    region: z.string().nullable(),
    state: z.enum(['active', 'suspended']),
  })
  .meta({ id: 'Participant' });

const oidc = z.strictObject({ issuer: z.url().max(500), subject: line(255) });

export const accountInput = z
  .strictObject({
    participant: id,
    kind: z.enum(['person', 'service']).default('service'),
    displayName: line(200).nullable().default(null),
    roles: roles.nullable().default(null).describe("A part of the participant's; null for all of them."),
    secret: secret.nullable().default(null).describe('12 to 256 printable ASCII characters; null keeps the one that there is.'),
    oidc: oidc.nullable().default(null).describe('The claims `iss` and `sub` of the tokens that stand for the account.'),
  })
  .meta({ id: 'AccountInput' });

export const accountAnswer = z
  .strictObject({
    name: id,
    participant: id,
    kind: z.enum(['person', 'service']),
    displayName: z.string().nullable(),
    roles: z.array(role).nullable(),
    oidc: z.strictObject({ issuer: z.string(), subject: z.string() }).nullable(),
  })
  .meta({ id: 'Account', description: 'Never with its secret.' });

const scope = z.enum(scopes);

export const apiKeyInput = z
  .strictObject({
    name: line(100),
    scopes: z
      .array(scope)
      .min(1)
      .max(scopes.length)
      .transform((given) => scopes.filter((name) => given.includes(name))),
    expiresAt: z.iso.datetime({ offset: true }).describe('At most 366 days ahead.'),
    account: id.exactOptional().describe("Of another account: the operator alone. Absent: the caller's own."),
  })
  .meta({ id: 'ApiKeyInput' });

const apiKeyShape = {
  id: z.string(),
  account: id,
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable().describe('To the minute.'),
};

export const apiKeyAnswer = z.strictObject(apiKeyShape).meta({ id: 'ApiKey', description: 'Never with the key itself.' });

export const newApiKeyAnswer = z
  .strictObject({ ...apiKeyShape, key: z.string().describe('Shown this once: `slk_<id>_<secret>`.') })
  .meta({ id: 'NewApiKey' });
