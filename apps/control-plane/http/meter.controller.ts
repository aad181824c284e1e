/** What was delivered under an agreement. */
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';

import type { MeterCounts, MeterDay } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { readMeter } from '../commands/read-meter.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked } from './read-body.ts';
import { planeToken } from './tokens.ts';

const query = z.strictObject(pageQuery);
const count = z.int().nonnegative();

const counts = {
  input: count.describe('Raw records that were read for it.'),
  delivered: count.describe('Governed records that left, redriven ones among them.'),
  withheld: count.describe('By the row condition, or of erased subjects.'),
  refused: count.describe('Those that were redriven later stay counted here.'),
  replayed: count.describe(
    'Of the delivered and withheld: redriven after they were refused. input + replayed = delivered + withheld + refused.',
  ),
};

const day = z.strictObject({ day: z.iso.date().describe('Of UTC.'), ...counts }).meta({ id: 'MeterDay' });

const meter = z
  .strictObject({
    agreement: idInput,
    recordsMax: z.int().nullable().describe('What the policy allows in a period; null for no limit.'),
    used: count.describe('Delivered since the period began: at the first record, or with the last renewal.'),
    total: z.strictObject(counts),
    ...pageOf(day).shape,
  })
  .meta({ id: 'Meter' });

interface MeterAnswer extends Page<MeterDay> {
  readonly agreement: string;
  readonly recordsMax: number | null;
  readonly used: number;
  readonly total: MeterCounts;
}

@Controller('v1/agreements')
export class MeterController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get(':id/meter')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'readMeter',
    summary: 'What was delivered under an agreement, by the Receipts: in all, and by day with the newest first',
    tag: 'agreements',
    query,
    answer: meter,
  })
  async read(@CurrentCaller() caller: Caller, @Param('id') id: string, @Query() asked: unknown): Promise<MeterAnswer> {
    const { limit, cursor } = checked(asked, query, '?');
    const agreement = checked(id, idInput, 'id');
    const before = readCursor(cursor, z.iso.date());
    const { total: all, days } = unwrap(await readMeter(this.#plane, caller, { agreement, before, limit: limit + 1 }));
    const { used, recordsMax, ...total } = all;
    const page = toPage(
      days,
      limit,
      ({ day: last }) => last,
      (row) => row,
    );
    return { agreement, recordsMax, used, total, ...page };
  }
}
