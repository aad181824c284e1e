/** Row-level security: what a reader that acts for a participant sees of a table, whatever its query says. A migration says it once for each table. */
import type { QueryRunner } from 'typeorm';

import { fail, FailureError } from '../../base/index.ts';

/** The role that `Database.asCaller` takes on. It may only read, and has no login. Roles are of the whole server, so databases share it. */
export const callerRole = 'sluice_caller';

/** In a condition: the participant that reads; null or empty outside `asCaller`, which no row matches. Evaluated once a query. */
export const readingParticipant = "(SELECT current_setting('sluice.participant', true))";

/** SQLSTATE of a missing right. */
const insufficientPrivilege = '42501';

/**
 * Lets a caller read the rows of a table for which `condition`, SQL over its columns, holds, and all rows when it reads all.
 * `hidden` are columns that no caller reads at all: secrets' hashes. Say it again after adding columns to a table that hides some.
 */
export async function isolate(
  runner: QueryRunner,
  table: string,
  condition: string,
  hidden: readonly string[] = [],
): Promise<void> {
  await runner.query(`ALTER TABLE "${table}" ENABLE ROW LEVEL SECURITY`);
  await runner.query(`DROP POLICY IF EXISTS caller_reads ON "${table}"`);
  await runner.query(`CREATE POLICY caller_reads ON "${table}" FOR SELECT TO ${callerRole}
    USING ((SELECT current_setting('sluice.reads_all', true)) = 'on' OR (${condition}))`);
  await share(runner, table, hidden);
}

/** Lets every caller read a whole table, less its hidden columns. */
export async function share(runner: QueryRunner, table: string, hidden: readonly string[] = []): Promise<void> {
  const columns: { readonly name: string }[] =
    hidden.length === 0
      ? []
      : await runner.query(
          `SELECT quote_ident(attname) AS name FROM pg_attribute
          WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL ($2) ORDER BY attnum`,
          [`"${table}"`, hidden],
        );
  const list = columns.length === 0 ? '' : ` (${columns.map(({ name }) => name).join(', ')})`;
  await runner.query(`REVOKE ALL ON "${table}" FROM ${callerRole}`);
  await runner.query(`GRANT SELECT${list} ON "${table}" TO ${callerRole}`);
}

/** Undoes `isolate` or `share`. */
export async function unisolate(runner: QueryRunner, table: string): Promise<void> {
  await runner.query(`DROP POLICY IF EXISTS caller_reads ON "${table}"`);
  await runner.query(`ALTER TABLE "${table}" DISABLE ROW LEVEL SECURITY`);
  await runner.query(`REVOKE ALL ON "${table}" FROM ${callerRole}`);
}

/**
 * Makes the role where it is missing and lets this account take it on. Throws `config-invalid` where the account may do neither:
 * then an administrator of the server does both once.
 */
export async function ensureCallerRole(runner: QueryRunner): Promise<void> {
  try {
    // Migrations of several databases of one server may come here at once.
    await runner.query(`DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${callerRole}') THEN CREATE ROLE ${callerRole} NOLOGIN; END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`);
    await runner.query(`DO $$ BEGIN
      IF NOT pg_has_role(current_user, '${callerRole}',
        CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
      THEN GRANT ${callerRole} TO CURRENT_USER; END IF; END $$`);
    await runner.query(`DO $$ BEGIN
      IF NOT has_schema_privilege('${callerRole}', current_schema(), 'USAGE')
      THEN EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${callerRole}', current_schema()); END IF; END $$`);
  } catch (error) {
    if (typeof error !== 'object' || error === null || !('code' in error) || error.code !== insufficientPrivilege) throw error;
    throw new FailureError(
      fail(
        'config-invalid',
        `the account of the database URL may not make the role ${callerRole} that reads for callers: give it CREATEROLE, or let an administrator run CREATE ROLE ${callerRole} NOLOGIN and GRANT ${callerRole} to it`,
      ).failure,
    );
  }
}
