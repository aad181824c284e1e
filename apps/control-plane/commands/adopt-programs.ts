/** Signs the Programs that were approved before there were signatures, once: after that nothing without one can be stored. */
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { Signer } from '../../../libs/catalog/index.ts';
import { programPayload } from '../../../libs/catalog/index.ts';

/** How many there were. One instance does it; others that start at the same time wait, and find none. */
export function adoptPrograms(database: Database, signer: Signer): Promise<Result<number>> {
  return database.locked('adopt-programs', () =>
    database.transaction('signing earlier Programs', ({ programs }) =>
      programs.adopt(async (agreement, program) => unwrap(await signer.sign('program', programPayload(agreement, program)))),
    ),
  );
}
