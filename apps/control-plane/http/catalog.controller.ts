/** Datasets and their rights. */
import { Controller, Get, Headers, Inject, Param, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

import type { DatasetRight } from '../../../libs/adapters/postgres/index.ts';
import { fail, limits, unwrap } from '../../../libs/base/index.ts';
import type { DatasetDetail, DatasetView } from '../commands/dataset-view.ts';
import { datasetView, detailOf } from '../commands/dataset-view.ts';
import { findDataset, searchDatasets } from '../commands/find-dataset.ts';
import { putDataset } from '../commands/put-dataset.ts';
import { putRight } from '../commands/put-right.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import {
  datasetAnswer,
  datasetInput,
  datasetSummary,
  level,
  rightAnswer,
  rightInput,
  rightKind,
  theme,
} from './dataset-schemas.ts';
import { dcatMediaType, dcatOf } from './dcat.ts';
import { Describe } from './describe.ts';
import { IfMatch } from './etag.ts';
import { id as idInput, line } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked, readJson } from './read-body.ts';
import { planeToken } from './tokens.ts';

const smallBytesMax = 64 * 1024;
const datasetBytesMax = 2 * limits.schemaBytesMax + smallBytesMax;

const searchQuery = z.strictObject({
  q: z
    .string()
    .max(200)
    .exactOptional()
    .describe('Words in Chinese or English, all of which are looked for in titles, keywords and text.'),
  theme: theme.exactOptional(),
  level: level.exactOptional(),
  publisher: idInput.exactOptional(),
  keyword: line(40).exactOptional().describe('One of its keywords, whole.'),
  ...pageQuery,
});
const searchCursor = z.tuple([z.number(), idInput]);

interface RightView extends Omit<DatasetRight, 'validUntil'> {
  readonly validUntil: string | null;
}

const rightView = ({ validUntil, ...right }: DatasetRight): RightView => ({
  ...right,
  validUntil: validUntil?.toISOString() ?? null,
});

@Controller('v1/datasets')
@NeedsScope('catalog:read')
export class CatalogController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Put(':id')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'putDataset',
    summary: 'Creates or changes a dataset: makes its topics and registers its schema',
    tag: 'datasets',
    body: datasetInput,
    answer: datasetAnswer,
    etag: true,
  })
  async putDataset(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @IfMatch() ifMatch: string | null,
    @Req() request: FastifyRequest,
  ): Promise<DatasetDetail> {
    const { title, ...input } = await readJson(request, datasetBytesMax, datasetInput);
    const named = { id: checked(id, idInput, 'id'), titleZh: title.zh, titleEn: title.en, ifMatch };
    return unwrap(await putDataset(this.#plane, caller, { ...named, ...input }));
  }

  @Get()
  @Describe({
    id: 'searchDatasets',
    summary: 'Datasets that are open and those of the caller, the best first',
    tag: 'datasets',
    query: searchQuery,
    answer: pageOf(datasetSummary),
  })
  async searchDatasets(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<DatasetView>> {
    const { limit, cursor, q, ...filter } = checked(asked, searchQuery, '?');
    const position = readCursor(cursor, searchCursor);
    const after = position === null ? null : { score: position[0], id: position[1] };
    const query = { ...filter, text: q ?? null, after, most: limit + 1 };
    return toPage(
      unwrap(await searchDatasets(this.#plane, caller, query)),
      limit,
      ({ score, dataset }) => [score, dataset.id],
      ({ dataset }) => datasetView(dataset),
    );
  }

  @Get(':id')
  @Describe({
    id: 'getDataset',
    summary: 'A dataset with its fields; as DCAT 3 where `Accept` asks for application/ld+json',
    tag: 'datasets',
    answers: { 200: { description: 'The dataset.', schema: datasetAnswer, mediaTypes: ['application/json', dcatMediaType] } },
    etag: true,
  })
  async getDataset(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DatasetDetail | Readonly<Record<string, unknown>>> {
    const found = unwrap(await findDataset(this.#plane, caller, checked(id, idInput, 'id')));
    const detail = unwrap(await detailOf(this.#plane, found.dataset));
    if (accept?.includes(dcatMediaType) !== true) return detail;
    reply.type(dcatMediaType);
    return dcatOf(detail, found);
  }

  @Put(':id/rights/:kind')
  @NeedsScope('catalog:write')
  @Describe({
    id: 'putRight',
    summary: 'Says who has a right in a dataset: holder, processor or operator',
    tag: 'datasets',
    body: rightInput,
    answer: rightAnswer,
  })
  async putRight(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Param('kind') kind: string,
    @Req() request: FastifyRequest,
  ): Promise<RightView> {
    const input = await readJson(request, smallBytesMax, rightInput);
    const right = {
      dataset: checked(id, idInput, 'id'),
      kind: checked(kind, rightKind, 'kind'),
      ...input,
      validUntil: input.validUntil === null ? null : new Date(input.validUntil),
    };
    return rightView(unwrap(await putRight(this.#plane, caller, right)));
  }

  @Get(':id/rights')
  @Describe({ id: 'listRights', summary: 'The rights in a dataset', tag: 'datasets', answer: z.array(rightAnswer) })
  async listRights(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<RightView[]> {
    return unwrap(await findDataset(this.#plane, caller, checked(id, idInput, 'id'))).rights.map(rightView);
  }

  @Get(':id/rights/:kind')
  @Describe({ id: 'getRight', summary: 'One right in a dataset', tag: 'datasets', answer: rightAnswer })
  async getRight(@CurrentCaller() caller: Caller, @Param('id') id: string, @Param('kind') kind: string): Promise<RightView> {
    const { rights } = unwrap(await findDataset(this.#plane, caller, checked(id, idInput, 'id')));
    const right = rights.find((candidate) => candidate.kind === checked(kind, rightKind, 'kind'));
    return rightView(right ?? unwrap(fail('not-found', `the right ${kind} in ${id} is not registered`)));
  }
}
