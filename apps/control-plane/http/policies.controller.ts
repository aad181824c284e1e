/** Baselines of datasets, and offers. */
import { Controller, Get, HttpCode, Inject, Param, Post, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { limits, unwrap } from '../../../libs/base/index.ts';
import { findPolicy, listOffers, listVersions } from '../commands/find-policy.ts';
import type { PolicyView } from '../commands/policy-view.ts';
import { putBaseline } from '../commands/put-baseline.ts';
import { putOffer } from '../commands/put-offer.ts';
import { withdrawOffer } from '../commands/withdraw-offer.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { IfMatch } from './etag.ts';
import { id as idInput } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { policyAnswer, policyInput } from './policy-schemas.ts';
import { parsePolicyText } from './policy-text.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const policyBytesMax = 2 * limits.policyBytesMax;

const holdQuery = z.strictObject({
  hold: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether agreements that are looser than the new baseline are suspended, and such offers withdrawn.'),
});
const versionsQuery = z.strictObject(pageQuery);
const offersQuery = z.strictObject({ dataset: idInput.exactOptional(), ...pageQuery });

@Controller('v1')
@NeedsScope('catalog:read')
export class PoliciesController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Put('datasets/:id/baseline')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'putBaseline',
    summary: 'Sets the ODRL Set that every agreement and offer on the dataset must be at least as strict as',
    tag: 'policies',
    body: policyInput,
    query: holdQuery,
    answer: policyAnswer,
    etag: true,
  })
  async putBaseline(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() asked: unknown,
    @IfMatch() ifMatch: string | null,
    @Req() request: FastifyRequest,
  ): Promise<PolicyView> {
    const { hold } = checked(asked, holdQuery, '?');
    const dataset = checked(id, idInput, 'id');
    const policy = await readPolicy(request);
    return unwrap(await putBaseline(this.#plane, caller, { dataset, policy, hold: hold === 'true', ifMatch }));
  }

  @Get('datasets/:id/baseline')
  @Describe({ id: 'getBaseline', summary: 'The newest baseline of a dataset', tag: 'policies', answer: policyAnswer, etag: true })
  async getBaseline(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<PolicyView> {
    return unwrap(await findPolicy(this.#plane, caller, 'baseline', checked(id, idInput, 'id')));
  }

  @Get('datasets/:id/baseline/versions')
  @Describe({
    id: 'listBaselineVersions',
    summary: 'Versions of the baseline of a dataset, the newest first',
    tag: 'policies',
    query: versionsQuery,
    answer: pageOf(policyAnswer),
  })
  listBaselineVersions(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() asked: unknown,
  ): Promise<Page<PolicyView>> {
    return this.#versions(caller, 'baseline', id, asked);
  }

  @Put('offers/:id')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'putOffer',
    summary: 'Offers a dataset: an ODRL Offer that compiles, and is as strict as the baseline',
    tag: 'policies',
    body: policyInput,
    answer: policyAnswer,
    etag: true,
  })
  async putOffer(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @IfMatch() ifMatch: string | null,
    @Req() request: FastifyRequest,
  ): Promise<PolicyView> {
    const offer = checked(id, idInput, 'id');
    return unwrap(await putOffer(this.#plane, caller, { id: offer, policy: await readPolicy(request), ifMatch }));
  }

  @Get('offers')
  @Describe({
    id: 'listOffers',
    summary: 'Offers that can be taken, in the order of their ids',
    tag: 'policies',
    query: offersQuery,
    answer: pageOf(policyAnswer),
  })
  async listOffers(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<PolicyView>> {
    const { limit, cursor, dataset = null } = checked(asked, offersQuery, '?');
    const page = { after: readCursor(cursor, idInput), most: limit + 1 };
    return toPage(
      unwrap(await listOffers(this.#plane, caller, dataset, page)),
      limit,
      ({ id }) => id,
      (view) => view,
    );
  }

  @Get('offers/:id')
  @Describe({ id: 'getOffer', summary: 'The newest version of an offer', tag: 'policies', answer: policyAnswer, etag: true })
  async getOffer(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<PolicyView> {
    return unwrap(await findPolicy(this.#plane, caller, 'offer', checked(id, idInput, 'id')));
  }

  @Get('offers/:id/versions')
  @Describe({
    id: 'listOfferVersions',
    summary: 'Versions of an offer, the newest first',
    tag: 'policies',
    query: versionsQuery,
    answer: pageOf(policyAnswer),
  })
  listOfferVersions(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() asked: unknown,
  ): Promise<Page<PolicyView>> {
    return this.#versions(caller, 'offer', id, asked);
  }

  @Post('offers/:id/withdraw')
  @NeedsScope('catalog:write')
  @Describe({ id: 'withdrawOffer', summary: 'Takes an offer back; agreements go on', tag: 'policies', answer: policyAnswer })
  @HttpCode(200)
  async withdrawOffer(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<PolicyView> {
    return unwrap(await withdrawOffer(this.#plane, caller, checked(id, idInput, 'id')));
  }

  async #versions(caller: Caller, kind: PolicyView['kind'], id: string, asked: unknown): Promise<Page<PolicyView>> {
    const { limit, cursor } = checked(asked, versionsQuery, '?');
    const page = { before: readCursor(cursor, z.int().positive()), most: limit + 1 };
    const rows = unwrap(await listVersions(this.#plane, caller, { kind, id: checked(id, idInput, 'id'), ...page }));
    return toPage(
      rows,
      limit,
      ({ version }) => version,
      (view) => view,
    );
  }
}

async function readPolicy(request: FastifyRequest): Promise<unknown> {
  const { policy } = await readJson(request, policyBytesMax, policyInput);
  return typeof policy === 'string' ? unwrap(parsePolicyText(policy)) : policy;
}
