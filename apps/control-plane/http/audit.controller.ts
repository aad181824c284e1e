/** The audit trail, for operators and auditors. */
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
  account: z.string().max(64).exactOptional(),
  participant: z.string().max(64).exactOptional(),
  route: z.string().max(64).exactOptional().describe('An operationId, such as `putAgreement`.'),
  from: z.iso.datetime({ offset: true }).exactOptional(),
  to: z.iso.datetime({ offset: true }).exactOptional(),
  ...pageQuery,
});

const auditEntry = z
  .strictObject({
    id: z.string(),
    time: z.iso.datetime(),
    account: z.string(),
    participant: z.string(),
    route: z.string(),
    target: z.record(z.string(), z.string()).describe('Parameters of the path.'),
    outcome: z.int().nullable().describe('HTTP status; null while it runs, and where the process ended first.'),
  })
  .meta({ id: 'AuditEntry' });

@Controller('v1/audit')
@NeedsScope('admin')
export class AuditController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get()
  @Describe({
    id: 'listAuditEntries',
    summary: 'Writes, and reads of clear values, newest first; operators and auditors only',
    tag: 'audit',
    query,
    answer: pageOf(auditEntry),
  })
  async list(@CurrentCaller() caller: Caller, @Query() asked: unknown): Promise<Page<z.infer<typeof auditEntry>>> {
    unwrap(requireRole(caller, 'operator', 'auditor'));
    const { limit, cursor, from, to, ...filter } = checked(asked, query, '?');
    const before = readCursor(cursor, z.string().regex(/^\d{1,19}$/));
    const entries = unwrap(
      await this.#plane.database.asCaller(readerOf(caller), ({ trail }) =>
        trail.list({
          ...filter,
          ...(from === undefined ? {} : { from: new Date(from) }),
          ...(to === undefined ? {} : { to: new Date(to) }),
          ...(before === null ? {} : { before }),
          limit: limit + 1,
        }),
      ),
    );
    return toPage(
      entries,
      limit,
      ({ id }) => id,
      ({ time, ...entry }) => ({ ...entry, time: time.toISOString() }),
    );
  }
}
