/** API keys. */
import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { unwrap } from '../../../libs/base/index.ts';
import type { ApiKeyView } from '../commands/api-key-view.ts';
import { apiKeyView } from '../commands/api-key-view.ts';
import { createApiKey } from '../commands/create-api-key.ts';
import { listApiKeys } from '../commands/find-api-keys.ts';
import { revokeApiKey } from '../commands/revoke-api-key.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { apiKeyAnswer, apiKeyInput, newApiKeyAnswer } from './identity-schemas.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const bodyBytesMax = 16 * 1024;
const keyId = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of an API key');
const listQuery = z.strictObject({ ...pageQuery });

@Controller('v1/api-keys')
export class ApiKeysController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  /** Names no scope, so that no API key comes here. */
  @Post()
  @Describe({
    id: 'createApiKey',
    summary: 'Makes an API key and shows it, this once',
    tag: 'accounts',
    body: apiKeyInput,
    answers: { 201: { description: 'The key, which is never shown again.', schema: newApiKeyAnswer } },
  })
  @HttpCode(201)
  async create(@CurrentCaller() caller: Caller, @Req() request: FastifyRequest): Promise<ApiKeyView & { readonly key: string }> {
    const { account = caller.account, expiresAt, ...input } = await readJson(request, bodyBytesMax, apiKeyInput);
    return unwrap(await createApiKey(this.#plane, caller, { ...input, account, expiresAt: new Date(expiresAt) }));
  }

  @Get()
  @NeedsScope('admin')
  @Describe({
    id: 'listApiKeys',
    summary: "The account's own API keys; all for operators and auditors",
    tag: 'accounts',
    query: listQuery,
    answer: pageOf(apiKeyAnswer),
  })
  async list(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<ApiKeyView>> {
    const { limit, cursor } = checked(asked, listQuery, '?');
    const page = { after: readCursor(cursor, keyId), most: limit + 1 };
    return toPage(unwrap(await listApiKeys(this.#plane, caller, page)), limit, ({ id }) => id, apiKeyView);
  }

  @Delete(':id')
  @NeedsScope('admin')
  @Describe({
    id: 'revokeApiKey',
    summary: 'Ends an API key at once',
    tag: 'accounts',
    answers: { 204: { description: 'It is no more.' } },
  })
  @HttpCode(204)
  async revoke(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    unwrap(await revokeApiKey(this.#plane, caller, checked(id, keyId, 'id')));
  }
}
