/** Credentials of an agreement: Kafka users that read its governed topic, each answered once. */
import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import type { CredentialRow } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { IssuedCredential } from '../commands/issue-credential.ts';
import { issueCredential } from '../commands/issue-credential.ts';
import { listCredentials, revokeCredential } from '../commands/revoke-credential.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput } from './inputs.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 4 * 1024;
const overlapSecondsDefault = 86_400;
const overlapSecondsMax = 30 * 86_400;

const credentialInput = z
  .strictObject({
    overlapSeconds: z
      .number()
      .int()
      .min(0)
      .max(overlapSecondsMax)
      .default(overlapSecondsDefault)
      .describe('How long the credential before stays valid; 0 for not at all.'),
  })
  .meta({ id: 'CredentialInput' });

const generationInput = z.coerce.number().int().min(1).max(2_147_483_647);

const credentialAnswer = z
  .strictObject({
    generation: z.int(),
    username: z.string(),
    state: z.enum(['pending', 'active', 'retiring', 'revoked', 'lost']),
    bytesPerSecondMax: z.int().nullable(),
    createdAt: z.iso.datetime(),
    endsAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Credential' });

const issuedAnswer = z
  .strictObject({
    agreement: idInput,
    generation: z.int(),
    username: z.string(),
    password: z.string().describe('Shown this once, and kept nowhere.'),
    endsAt: z.iso.datetime().nullable(),
    bootstrapServers: z.string(),
    securityProtocol: z.enum(['SASL_PLAINTEXT', 'SASL_SSL']),
    saslMechanism: z.literal('SCRAM-SHA-512'),
    topic: z.string(),
    groupPrefix: z.string(),
    registryUrl: z.string().describe('Takes the credential with HTTP Basic.'),
    streamUrl: z.string().nullable().describe('The same records over HTTP.'),
    snippets: z
      .strictObject({ java: z.string(), python: z.string(), node: z.string(), kcat: z.string(), curl: z.string().nullable() })
      .describe('Programs that read the stream, with the values above in them.'),
  })
  .meta({ id: 'IssuedCredential' });

type CredentialView = z.infer<typeof credentialAnswer>;

const view = ({ generation, kafkaUser, state, byteRate, createdAt, endsAt }: CredentialRow): CredentialView => ({
  generation,
  username: kafkaUser,
  state,
  bytesPerSecondMax: byteRate,
  createdAt: createdAt.toISOString(),
  endsAt: endsAt?.toISOString() ?? null,
});

@Controller('v1/agreements')
@NeedsScope('agreements:write')
export class CredentialsController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Post(':id/credentials')
  @Describe({
    id: 'issueCredential',
    summary: 'Makes the next credential of an agreement; the one before stays valid for the overlap',
    tag: 'agreements',
    body: credentialInput,
    answers: { 201: { description: 'The credential, this once.', schema: issuedAnswer } },
  })
  @HttpCode(201)
  async issue(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
  ): Promise<IssuedCredential> {
    const { overlapSeconds } = await readJson(request, bodyBytesMax, credentialInput);
    return unwrap(await issueCredential(this.#plane, caller, { agreement: checked(id, idInput, 'id'), overlapSeconds }));
  }

  @Get(':id/credentials')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'listCredentials',
    summary: 'Credentials of an agreement from the newest on, without their passwords',
    tag: 'agreements',
    answer: z.strictObject({ items: z.array(credentialAnswer) }),
  })
  async list(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<{ items: CredentialView[] }> {
    const credentials = unwrap(await listCredentials(this.#plane, caller, checked(id, idInput, 'id')));
    return { items: credentials.map(view) };
  }

  @Delete(':id/credentials/:generation')
  @Describe({
    id: 'revokeCredential',
    summary: 'Ends a credential at once, on connections that are open as well',
    tag: 'agreements',
    answers: { 204: { description: 'It has ended.' } },
  })
  @HttpCode(204)
  async revoke(@CurrentCaller() caller: Caller, @Param('id') id: string, @Param('generation') generation: string): Promise<void> {
    const input = { agreement: checked(id, idInput, 'id'), generation: checked(generation, generationInput, 'generation') };
    unwrap(await revokeCredential(this.#plane, caller, input));
  }
}
