/** Lifecycle events, newest first. */
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { z } from 'zod';

import { unwrap } from '../../../libs/base/index.ts';
import { readerOf, requireRole } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked } from './read-body.ts';
import { planeToken } from './tokens.ts';

const query = z.strictObject({
  subject: z.string().max(200).exactOptional().describe('The id of a dataset, an agreement, ...'),
  type: z.string().max(200).exactOptional().describe('Such as `sluice.agreement.suspended.v1`.'),
  ...pageQuery,
});

const event = z
  .strictObject({
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string(),
    time: z.iso.datetime(),
    sequence: z.string(),
    data: z.unknown(),
  })
  .meta({ id: 'Event' });

@Controller('v1/events')
export class EventsListController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get()
  @NeedsScope('admin')
  @Describe({
    id: 'listEvents',
    summary: 'Lifecycle events, newest first; operators and auditors only',
    tag: 'platform',
    query,
    answer: pageOf(event),
  })
  async list(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<z.infer<typeof event>>> {
    unwrap(requireRole(caller, 'operator', 'auditor'));
    const { limit, cursor, ...filter } = checked(asked, query, '?');
    const before = readCursor(cursor, z.string().regex(/^\d{1,19}$/));
    const events = unwrap(
      await this.#plane.database.asCaller(readerOf(caller), (stores) =>
        stores.events.page({ ...filter, ...(before === null ? {} : { before }), limit: limit + 1 }),
      ),
    );
    return toPage(
      events,
      limit,
      ({ sequence }) => sequence,
      ({ id, source, type, subject, time, sequence, data }) => ({
        id,
        source,
        type,
        subject,
        time: time.toISOString(),
        sequence,
        data,
      }),
    );
  }
}
