/** The control plane's PostgreSQL: opened with its migrations run, used through stores, transactions and named locks. */
import { DataSource } from 'typeorm';

import type { Result } from '../../base/index.ts';
import { FailureError, ok, unwrap } from '../../base/index.ts';
import { attempt } from './attempt.ts';
import { DurableClient } from './durable-client.ts';
import { AccessRequestEntity } from './entities/access-request.entity.ts';
import { AccountEntity } from './entities/account.entity.ts';
import { AgreementEntity } from './entities/agreement.entity.ts';
import { ApiKeyEntity } from './entities/api-key.entity.ts';
import { CredentialEntity } from './entities/credential.entity.ts';
import { DataKeyEntity } from './entities/data-key.entity.ts';
import { DatasetEntity } from './entities/dataset.entity.ts';
import { DatasetRightEntity } from './entities/dataset-right.entity.ts';
import { DutyEntity } from './entities/duty.entity.ts';
import { EventLogEntity } from './entities/event-log.entity.ts';
import { KillEntity } from './entities/kill.entity.ts';
import { ParticipantEntity } from './entities/participant.entity.ts';
import { PolicyEntity } from './entities/policy.entity.ts';
import { ReconciliationEntity } from './entities/reconciliation.entity.ts';
import { SchemaEntity, SubjectConfigEntity, SubjectVersionEntity } from './entities/schema.entity.ts';
import { AuditEntryEntity, IdempotentAnswerEntity } from './entities/request-trail.entity.ts';
import { SuppressionEntity } from './entities/suppression.entity.ts';
import { callerRole } from './isolate.ts';
import { Locks } from './locks.ts';
import { Initial1790000000000 } from './migrations/1790000000000-initial.ts';
import { Identity1790100000000 } from './migrations/1790100000000-identity.ts';
import { Catalog1790200000000 } from './migrations/1790200000000-catalog.ts';
import { RequestTrail1790300000000 } from './migrations/1790300000000-request-trail.ts';
import { Grants1790400000000 } from './migrations/1790400000000-grants.ts';
import { Keys1790500000000 } from './migrations/1790500000000-keys.ts';
import { EventOrder1790600000000 } from './migrations/1790600000000-event-order.ts';
import { Requests1790700000000 } from './migrations/1790700000000-requests.ts';
import { ProgramSignature1790800000000 } from './migrations/1790800000000-program-signature.ts';
import { Meter1790900000000 } from './migrations/1790900000000-meter.ts';
import { Stores } from './stores/stores.ts';

/** Waits that are bounded, milliseconds. */
const connectTimeoutMs = 5_000;
const statementTimeoutMs = 30_000;

/**
 * Connects, runs the migrations that are missing (under a lock, so that instances may start together) and answers the open database.
 * @param url `postgres://user:password@host:port/database`
 * Fails with `database-unreachable`; the message never holds the URL.
 */
export async function openDatabase(url: string): Promise<Result<Database>> {
  const source = dataSourceOf(url);
  const locks = new Locks(url, connectTimeoutMs);
  const opened = await attempt('connecting to PostgreSQL', async () => {
    await source.initialize();
    return unwrap(await locks.hold('sluice/migrations', async () => ok(await source.runMigrations({ transaction: 'all' }))));
  }).catch(async (error: unknown) => {
    if (error instanceof FailureError) return { ok: false as const, failure: error.failure };
    await close(source, locks);
    throw error;
  });
  if (opened.ok) return ok(new Database(source, locks));
  await close(source, locks);
  return opened;
}

/** For whom something is read. */
export interface Reader {
  readonly participant: string;
  /** Operators and auditors. */
  readonly readsAll: boolean;
}

export class Database {
  readonly #source: DataSource;
  readonly #locks: Locks;
  /** Stores whose calls each are their own transaction. */
  readonly stores: Stores;

  constructor(source: DataSource, locks: Locks) {
    this.#source = source;
    this.#locks = locks;
    this.stores = new Stores(source.manager);
  }

  /** Runs `work` in one transaction; a failed Result rolls it back and is passed on. */
  async transaction<T>(action: string, work: (stores: Stores) => Promise<Result<T>>): Promise<Result<T>> {
    try {
      return await attempt(action, () => this.#source.transaction(async (manager) => unwrap(await work(new Stores(manager)))));
    } catch (error) {
      if (error instanceof FailureError) return { ok: false, failure: error.failure };
      throw error;
    }
  }

  /**
   * Reads as a caller: every query of `work` sees only what row-level security shows to the participant, or everything where `readsAll`,
   * and can change nothing. For whatever answers a GET. `work` holds one connection of the pool: it uses the stores that it is given alone.
   */
  async asCaller<T>(reader: Reader, work: (stores: Stores) => Promise<Result<T>>): Promise<Result<T>> {
    try {
      return await attempt('reading as a caller', () =>
        this.#source.transaction(async (manager) => {
          // All of it ends with the transaction, so that the connection goes back to the pool as it was.
          await manager.query(
            `SELECT set_config('transaction_read_only', 'on', true), set_config('sluice.participant', $1, true),
              set_config('sluice.reads_all', $2, true), set_config('role', '${callerRole}', true)`,
            [reader.participant, reader.readsAll ? 'on' : 'off'],
          );
          return unwrap(await work(new Stores(manager)));
        }),
      );
    } catch (error) {
      if (error instanceof FailureError) return { ok: false, failure: error.failure };
      throw error;
    }
  }

  /**
   * Runs `work` while this process alone, of all instances on this database, holds the lock of that name.
   * A connection that dies gives the lock up while `work` goes on: whoever must not meet a survivor fences by other means as well.
   */
  locked<T>(name: string, work: () => Promise<Result<T>>): Promise<Result<T>> {
    return this.#locks.hold(name, work);
  }

  /** 12 hex digits that are this database's own: tells two installations on one Kafka cluster apart. */
  async installation(): Promise<Result<string>> {
    return attempt('reading the installation id', async () => {
      const rows: { id: string }[] = await this.#source.query('SELECT id FROM installation');
      const [row] = rows;
      if (row === undefined) throw new Error('the table installation is empty');
      return row.id;
    });
  }

  /** Whether PostgreSQL answers now. */
  async ping(): Promise<Result<void>> {
    const answer = await attempt('asking PostgreSQL', () => this.#source.query('SELECT 1'));
    return answer.ok ? ok(undefined) : answer;
  }

  /** Undoes the last migration; for tests and for going back a release by hand. */
  async undoLastMigration(): Promise<Result<void>> {
    return attempt('undoing a migration', () => this.#source.undoLastMigration({ transaction: 'all' }));
  }

  async close(): Promise<void> {
    await close(this.#source, this.#locks);
  }
}

function dataSourceOf(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: [
      ParticipantEntity,
      AccountEntity,
      ApiKeyEntity,
      DatasetEntity,
      DatasetRightEntity,
      PolicyEntity,
      AgreementEntity,
      CredentialEntity,
      KillEntity,
      DataKeyEntity,
      SuppressionEntity,
      DutyEntity,
      ReconciliationEntity,
      SchemaEntity,
      SubjectVersionEntity,
      SubjectConfigEntity,
      EventLogEntity,
      AccessRequestEntity,
      AuditEntryEntity,
      IdempotentAnswerEntity,
    ],
    migrations: [
      Initial1790000000000,
      Identity1790100000000,
      Catalog1790200000000,
      RequestTrail1790300000000,
      Grants1790400000000,
      Keys1790500000000,
      EventOrder1790600000000,
      Requests1790700000000,
      ProgramSignature1790800000000,
      Meter1790900000000,
    ],
    migrationsTableName: 'migration',
    installExtensions: false,
    logging: false,
    poolSize: 10,
    connectTimeoutMS: connectTimeoutMs,
    // An idle connection that PostgreSQL closes is replaced at the next call; it is no reason to stop the process.
    poolErrorHandler: () => undefined,
    extra: { Client: DurableClient, statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + 5_000 },
  });
}

async function close(source: DataSource, locks: Locks): Promise<void> {
  await locks.close();
  if (source.isInitialized) await source.destroy();
}
