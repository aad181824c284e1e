/** Erases a subject from a dataset: nothing of it leaves any more, and whoever was given something of it has the duty to delete that. */
import { randomUUID } from 'node:crypto';

import type { Agreement, Dataset, Duty, SuppressionRow } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { WrappedKey } from '../../../libs/catalog/index.ts';
import { dataKeyContext, subjectDigest, suppressionKey } from '../../../libs/catalog/index.ts';
import { subjectGovernor } from '../../../libs/govern/index.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { DutyView } from './find-duty.ts';
import { dutyContext, dutyView } from './find-duty.ts';
import { findOwnDataset } from './find-dataset.ts';
import { datasetLock } from './locks.ts';
import { ensureDatasetKey } from './new-data-key.ts';
import { publishSuppressions } from './publish-suppressions.ts';

/** How long a duty to delete may take, milliseconds. */
const dutyDueMs = 30 * 86_400_000;

const caveats = [
  'what is in raw and governed topics stays until their retention, or compaction, takes it',
  'what subscribers were given is theirs to delete, which is what the duties are for',
  'a subject cannot be shredded: its values hang on the key of the whole agreement, and no stage encrypts under a key of each subject',
];

export interface Erasure {
  /** What it is called: the subject itself is kept nowhere. */
  readonly erasure: string;
  readonly dataset: string;
  /** False where the subject had been erased before. */
  readonly isNew: boolean;
  /** One for each agreement that may have been given something of it. */
  readonly duties: readonly DutyView[];
  /** What the erasure does not reach. */
  readonly caveats: readonly string[];
}

/**
 * `subject` is the text of the dataset's key field. For the publisher and the operator. Of the subject a keyed digest is stored, and, until a duty is
 * proved, wrapped, what stands for it under that agreement. When it succeeds the list and the directives are in their topics.
 */
export async function eraseSubject(
  plane: ControlPlane,
  caller: Caller,
  input: { readonly dataset: string; readonly subject: string },
): Promise<Result<Erasure>> {
  const dataset = await findOwnDataset(plane, caller, input.dataset);
  if (!dataset.ok) return dataset;
  return plane.database.locked(datasetLock(input.dataset), async () => {
    const current = await plane.database.stores.datasets.find(input.dataset);
    if (!current.ok) return current;
    return current.value === null
      ? fail('not-found', `there is no dataset ${input.dataset}`)
      : eraseLocked(plane, current.value, input.subject);
  });
}

async function eraseLocked(plane: ControlPlane, dataset: Dataset, subject: string): Promise<Result<Erasure>> {
  const { id, keyField } = dataset;
  if (keyField === null)
    return fail('conflict', `dataset ${id} has no key field, by which its subjects would be known`, '/keyField');
  const digest = await digestOf(plane, id, subject);
  if (!digest.ok) return digest;
  const { stores } = plane.database;
  const agreements = await stores.agreements.ofDataset(id);
  if (!agreements.ok) return agreements;
  const row: SuppressionRow = {
    dataset: id,
    digest: digest.value,
    erasure: randomUUID(),
    createdAt: new Date(),
    published: false,
  };
  const duties: Duty[] = [];
  for (const agreement of agreements.value) {
    const duty = await dutyOf(plane, agreement, row, keyField, subject);
    if (!duty.ok) return during(`erasing a subject of ${id}`, duty.failure);
    duties.push(duty.value);
  }
  const stored = await plane.database.transaction('erasing a subject', async (changed) => {
    const kept = await changed.suppressions.add(row);
    if (!kept.ok || kept.value.erasure !== row.erasure) return kept;
    for (const duty of duties) {
      const added = await changed.suppressions.addDuty(duty);
      if (!added.ok) return added;
      const told = await changed.events.add(
        newEvent('duty.opened', duty.agreement, { duty: duty.id, kind: duty.kind, erasure: row.erasure }),
      );
      if (!told.ok) return told;
    }
    const told = await changed.events.add(
      newEvent('subject.erased', id, { erasure: row.erasure, agreements: duties.map((duty) => duty.agreement) }),
    );
    return told.ok ? kept : told;
  });
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  const published = await publishSuppressions(plane, id);
  if (!published.ok) return published;
  const opened = await stores.suppressions.dutiesOf(stored.value.erasure);
  if (!opened.ok) return opened;
  const { erasure } = stored.value;
  return ok({ erasure, dataset: id, isNew: erasure === row.erasure, duties: opened.value.map(dutyView), caveats });
}

async function digestOf(plane: ControlPlane, dataset: string, subject: string): Promise<Result<string>> {
  const key = await ensureDatasetKey(plane, dataset);
  if (!key.ok) return key;
  const opened = await plane.vault.unwrap(key.value, dataKeyContext({ kind: 'dataset', id: dataset }, key.value.epoch));
  if (!opened.ok) return during(`opening the key of dataset ${dataset}`, opened.failure);
  const digest = subjectDigest(suppressionKey(opened.value, dataset), Buffer.from(subject, 'utf8'));
  opened.value.fill(0);
  return ok(digest);
}

async function dutyOf(
  plane: ControlPlane,
  { id: agreement, assigner, assignee, dataset }: Agreement,
  { erasure, createdAt }: SuppressionRow,
  keyField: string,
  subject: string,
): Promise<Result<Duty>> {
  const id = randomUUID();
  const subjects = await governedSubjects(plane, agreement, dataset, keyField, subject);
  if (!subjects.ok) return subjects;
  const wrapped =
    subjects.value.length === 0 ? ok(null) : await plane.vault.wrap(Buffer.from(JSON.stringify(subjects.value)), dutyContext(id));
  if (!wrapped.ok) return wrapped;
  return ok({
    id,
    kind: 'delete-subject',
    agreement,
    dataset,
    assigner,
    assignee,
    erasure,
    subjects: wrapped.value,
    openedAt: createdAt,
    dueAt: new Date(createdAt.getTime() + dutyDueMs),
    state: 'open',
    evidence: null,
    provedAt: null,
    provedBy: null,
  });
}

/** What stands for the subject in what left under an agreement, of every epoch whose key still opens. None where the field does not tell it apart. */
async function governedSubjects(
  plane: ControlPlane,
  agreement: string,
  dataset: string,
  keyField: string,
  subject: string,
): Promise<Result<string[]>> {
  const programs = await plane.database.stores.programs.of(agreement);
  if (!programs.ok) return programs;
  const keys = await plane.database.stores.dataKeys.openable({ kind: 'agreement', id: agreement });
  if (!keys.ok) return keys;
  const found = new Set<string>();
  for (const key of keys.value) {
    const dataKey = await opened(plane, agreement, key);
    if (!dataKey.ok) return dataKey;
    for (const program of programs.value) {
      const govern = subjectGovernor(program, plane.stages, keyField);
      // A Program of another release governs nothing now, and cannot be asked what it did.
      const governed = govern.ok ? govern.value(subject, { dataKey: dataKey.value, dataset }) : null;
      if (governed !== null) found.add(governed);
    }
    dataKey.value.fill(0);
  }
  return ok([...found]);
}

async function opened(plane: ControlPlane, agreement: string, key: WrappedKey): Promise<Result<Uint8Array>> {
  const dataKey = await plane.vault.unwrap(key, dataKeyContext({ kind: 'agreement', id: agreement }, key.epoch));
  return dataKey.ok ? dataKey : during(`opening the key of agreement ${agreement}`, dataKey.failure);
}
