/** Publishes the directives of a dataset's agreements whose last revision is not known to be in the topic. */
import type { Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { ErrorCode, Failure, Result } from '../../../libs/base/index.ts';
import { during, fail, limits, ok } from '../../../libs/base/index.ts';
import type { ApprovedProgram, Directive, WrappedKey } from '../../../libs/catalog/index.ts';
import { programPayload } from '../../../libs/catalog/index.ts';
import { checkApprovedModule } from '../../../libs/govern/index.ts';
import type { SeenDirectives } from '../directive-revisions.ts';
import type { ControlPlane } from '../plane.ts';
import { datasetLock } from './locks.ts';

/** Room for the key of the record, and for two wrapped keys. */
const recordOverheadBytes = 4096;
/** Directives that are held in memory at once. */
const atOnceMax = 50;

type Publishing = Pick<ControlPlane, 'checker' | 'database' | 'directives' | 'signer'>;

/**
 * The caller holds the dataset's lock: two instances publishing out of order would leave the lower revision as the topic's last word.
 * A crash between commit and publication is made good by `publishAll`.
 */
export async function publishDirectives(plane: Publishing, dataset: Dataset): Promise<Result<void>> {
  const behind = await plane.database.stores.agreements.unpublishedOf(dataset.id);
  if (!behind.ok) return behind;
  return sendDirectives(plane, behind.value, new Map([[dataset.id, dataset]]), async ({ id, revision }) =>
    plane.database.stores.agreements.markPublished(id, revision),
  );
}

/** Sends many side by side, and tells `sent` of each that is in the topic. The first failure is answered when all were tried. */
export async function sendDirectives(
  plane: Publishing,
  agreements: readonly Agreement[],
  datasets: ReadonlyMap<string, Dataset>,
  sent: (agreement: Agreement) => Promise<Result<void>>,
): Promise<Result<void>> {
  let outcome: Result<void> = ok(undefined);
  for (let from = 0; from < agreements.length; from += atOnceMax) {
    const part = agreements.slice(from, from + atOnceMax);
    const programs = await plane.database.stores.programs.ofAll(part.map(({ id }) => id));
    if (!programs.ok) return programs;
    const keys = await keysFor(plane, part);
    if (!keys.ok) return keys;
    const outcomes = await Promise.all(
      part.map(async (agreement) => {
        const dataset = datasets.get(agreement.dataset);
        if (dataset === undefined) throw new Error(`the dataset of agreement ${agreement.id} was not given`);
        const own = await approvedOf(plane, agreement.id, programs.value.get(agreement.id) ?? []);
        const isStarted = agreement.state === 'started';
        // What stops is said whatever became of its Programs, and without them: it takes none to stop.
        if (!own.ok && isStarted) return own;
        const directive = directiveOf(agreement, own.ok && isStarted ? own.value : [], dataset, keys.value);
        const published = await plane.directives.publish(directive);
        return published.ok ? sent(agreement) : during(`publishing the directive of ${agreement.id}`, published.failure);
      }),
    );
    for (const done of outcomes) if (!done.ok && outcome.ok) outcome = done;
  }
  return outcome;
}

/**
 * What was approved is what leaves: fails with `signature-invalid` or `program-mismatch` for a Program that was changed since, or that another agreement has. What an
 * earlier key signed is signed anew by the newest, so that the earlier one can be retired.
 */
async function approvedOf(
  { checker, signer, database }: Publishing,
  agreement: string,
  programs: readonly ApprovedProgram[],
): Promise<Result<ApprovedProgram[]>> {
  const newest = await signer.newestKeyId();
  if (!newest.ok) return newest;
  const approved: ApprovedProgram[] = [];
  for (const program of programs) {
    const action = `publishing the directive of ${agreement}: its Program for schema ${program.writerSchemaId}`;
    const payload = programPayload(agreement, program);
    const signed = await checker.check('program', payload, program.signature);
    if (!signed.ok) return during(action, signed.failure);
    const whole = checkApprovedModule(program);
    if (!whole.ok) return during(action, whole.failure);
    if (signed.value.keyId === newest.value) {
      approved.push(program);
      continue;
    }
    const signature = await signer.sign('program', payload);
    if (!signature.ok) return during(action, signature.failure);
    const kept = await database.stores.programs.signAnew(agreement, program.writerSchemaId, signature.value);
    if (!kept.ok) return during(action, kept.failure);
    approved.push({ ...program, signature: signature.value });
  }
  return ok(approved);
}

/** What is wrong with one agreement's Programs, and is no reason to leave the others unsaid. */
const ofOneAgreement: ReadonlySet<string> = new Set<ErrorCode>(['signature-invalid', 'program-mismatch']);

/**
 * Publishes what is behind, dataset by dataset; called at start and now and then. Answers what could not be published because it is not what was approved; any
 * other failure ends it.
 */
export async function publishAll(plane: Publishing): Promise<Result<Failure[]>> {
  const behind = await plane.database.stores.agreements.unpublished();
  if (!behind.ok) return behind;
  const refused: Failure[] = [];
  for (const id of behind.value) {
    const published = await plane.database.locked(datasetLock(id), async () => {
      const dataset = await plane.database.stores.datasets.find(id);
      if (!dataset.ok || dataset.value === null) return dataset.ok ? ok(undefined) : dataset;
      return publishDirectives(plane, dataset.value);
    });
    if (published.ok) continue;
    if (!ofOneAgreement.has(published.failure.code)) return published;
    refused.push(published.failure);
  }
  return ok(refused);
}

/**
 * Compares what the topic says with what the database says, and answers how many agreements differ. One that the topic lacks or has an older
 * revision of is published again (a new Kafka under an old database); one that the topic is ahead of (a restored database) gets a revision
 * above the topic's, because a lower one would be ignored for ever. One that an earlier key signed is published again as it is. Answers as `publishAll` what was
 * refused besides.
 */
export async function reconcileDirectives(
  plane: Publishing,
  { revisions, signedEarlier }: SeenDirectives,
): Promise<Result<{ readonly differing: number; readonly refused: readonly Failure[] }>> {
  const agreements = await plane.database.stores.agreements.outlines();
  if (!agreements.ok) return agreements;
  let differing = 0;
  for (const outline of agreements.value) {
    const { id, dataset } = outline;
    const seen = revisions.get(id) ?? 0;
    const isEarlier = signedEarlier.has(id);
    if (outline.revision === seen && !isEarlier) continue;
    const reconciled = await plane.database.locked(datasetLock(dataset), async () => {
      const agreement = await plane.database.stores.agreements.find(id);
      if (!agreement.ok) return agreement;
      if (agreement.value === null || (agreement.value.revision === seen && !isEarlier)) return ok(undefined);
      const known = agreement.value.revision;
      // Published since the topic was read.
      if (known > outline.revision && agreement.value.publishedRevision === known) return ok(undefined);
      differing += 1;
      const revision = known >= seen ? known : seen + 1;
      return plane.database.stores.agreements.put({ ...agreement.value, revision, publishedRevision: revision - 1 }, known);
    });
    if (!reconciled.ok) return reconciled;
  }
  const published = await publishAll(plane);
  return published.ok ? ok({ differing, refused: published.value }) : published;
}

/**
 * Whether the directive of an agreement fits a Kafka record; asked before the agreement is stored, because one that does not fit could
 * never be published.
 */
export function checkDirectiveSize(agreement: Agreement, programs: readonly ApprovedProgram[], dataset: Dataset): Result<void> {
  const bytes = Buffer.byteLength(JSON.stringify(directiveOf(agreement, programs, dataset, noKeys)));
  if (bytes <= limits.recordBytesMax - recordOverheadBytes) return ok(undefined);
  const detail = `agreement ${agreement.id} has ${programs.length} Programs of ${bytes} bytes together, over the limit`;
  return fail('plan-invalid', `${detail}: the schemas of dataset ${dataset.id} are too large or too many`);
}

/** The keys that directives of these agreements carry. */
interface DirectedKeys {
  /** By agreement; one that was shredded has none. */
  readonly agreements: ReadonlyMap<string, WrappedKey>;
  /** By dataset: its key, and how many subjects of it were erased. Absent where none was. */
  readonly erased: ReadonlyMap<string, { readonly key: WrappedKey; readonly count: number }>;
}

const noKeys: DirectedKeys = { agreements: new Map(), erased: new Map() };

async function keysFor({ database }: Publishing, agreements: readonly Agreement[]): Promise<Result<DirectedKeys>> {
  const { dataKeys, suppressions } = database.stores;
  const own = await dataKeys.active(
    'agreement',
    agreements.map(({ id }) => id),
  );
  if (!own.ok) return own;
  const counts = await suppressions.publishedCounts([...new Set(agreements.map(({ dataset }) => dataset))]);
  if (!counts.ok) return counts;
  const keys = await dataKeys.active('dataset', [...counts.value.keys()]);
  if (!keys.ok) return keys;
  const erased = new Map(
    [...counts.value].flatMap(([dataset, count]) => {
      const key = keys.value.get(dataset);
      return key === undefined ? [] : [[dataset, { key, count }] as const];
    }),
  );
  return ok({ agreements: own.value, erased });
}

function directiveOf(
  agreement: Agreement,
  programs: readonly ApprovedProgram[],
  dataset: Dataset,
  { agreements, erased }: DirectedKeys,
): Directive {
  const list = erased.get(dataset.id);
  return {
    version: 1,
    agreement: agreement.id,
    dataset: agreement.dataset,
    assigner: agreement.assigner,
    assignee: agreement.assignee,
    revision: agreement.revision,
    state: agreement.state,
    programs,
    dataKey: agreements.get(agreement.id) ?? null,
    ...(list === undefined || dataset.keyField === null ? {} : { suppression: { ...list, field: dataset.keyField } }),
    sealTo: dataset.sealTo,
    delivery: agreement.delivery,
    ...(agreement.startsAt === null ? {} : { startsAtMs: agreement.startsAt.getTime() }),
    ...(agreement.expiresAt === null ? {} : { expiresAtMs: agreement.expiresAt.getTime() }),
  };
}
