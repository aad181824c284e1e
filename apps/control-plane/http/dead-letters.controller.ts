/** What the receiver of a webhook refused for good. */
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';

import { unwrap } from '../../../libs/base/index.ts';
import type { DeadLetterView } from '../commands/list-dead-letters.ts';
import { listDeadLetters } from '../commands/list-dead-letters.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { Describe } from './describe.ts';
import { id as idInput } from './inputs.ts';
import type { Page } from './paging.ts';
import { pageOf, pageQuery, readCursor, toPage } from './paging.ts';
import { checked } from './read-body.ts';
import { planeToken } from './tokens.ts';

const query = z.strictObject(pageQuery);

const deadLetter = z
  .strictObject({
    place: z.string(),
    partition: z.int().describe('Of the governed topic.'),
    offset: z.string(),
    status: z.int().describe('What the receiver answered.'),
    at: z.iso.datetime(),
    event: z.record(z.string(), z.unknown()).describe('The CloudEvent that was refused.'),
  })
  .meta({ id: 'DeadLetter' });

@Controller('v1/agreements')
export class DeadLettersController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get(':id/dead-letters')
  @NeedsScope('agreements:read')
  @Describe({
    id: 'listDeadLetters',
    summary: 'Governed records that the receiver of the webhook refused for good, the oldest first',
    tag: 'agreements',
    query,
    answer: pageOf(deadLetter),
    showsClear: true,
  })
  async list(@CurrentCaller() caller: Caller, @Param('id') id: string, @Query() asked: unknown): Promise<Page<DeadLetterView>> {
    const { limit, cursor } = checked(asked, query, '?');
    const after = readCursor(cursor, z.string().regex(/^\d{1,19}$/));
    const found = await listDeadLetters(this.#plane, caller, {
      agreement: checked(id, idInput, 'id'),
      after: after === null ? null : BigInt(after),
      limit: limit + 1,
    });
    return toPage(
      unwrap(found),
      limit,
      ({ place }) => place,
      (letter) => letter,
    );
  }
}
