/** What applying a directory would do to what is there: one step for each thing, found by asking for it. */
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, during, ok, topicNames } from '../../../libs/base/index.ts';
import type { Api, Found } from './api.ts';
import type { Manifest } from './read-manifests.ts';
import { titleOf } from './read-manifests.ts';

export interface Step {
  readonly manifest: Manifest;
  /** `cut` takes something away that works now: an offer, a participant's access, a dataset's being open. */
  readonly kind: 'add' | 'change' | 'cut' | 'same';
  /** Members that differ. */
  readonly changed: readonly string[];
  /** Of the thing as it was looked at; null for a new one. */
  readonly etag: string | null;
}

type Members = Readonly<Record<string, unknown>>;

/** In the order of the manifests. */
export async function planSteps(api: Api, manifests: readonly Manifest[]): Promise<Result<Step[]>> {
  const steps: Step[] = [];
  for (const manifest of manifests) {
    const step = await planStep(api, manifest);
    if (!step.ok) return during(`looking at ${titleOf(manifest)}`, step.failure);
    steps.push(step.value);
  }
  return ok(steps);
}

export const pathOf = (manifest: Manifest): string => {
  switch (manifest.kind) {
    case 'Participant':
      return `/v1/participants/${manifest.id}`;
    case 'Dataset':
      return `/v1/datasets/${manifest.id}`;
    case 'Right':
      return `/v1/datasets/${manifest.dataset}/rights/${manifest.right}`;
    case 'Baseline':
      return `/v1/datasets/${manifest.dataset}/baseline`;
    case 'Offer':
      return `/v1/offers/${manifest.id}`;
  }
};

async function planStep(api: Api, manifest: Manifest): Promise<Result<Step>> {
  const found = await api.find(pathOf(manifest));
  if (!found.ok) return found;
  const step = (kind: Step['kind'], changed: readonly string[] = []): Result<Step> =>
    ok({ manifest, kind, changed, etag: found.value?.etag ?? null });
  const { value } = found;
  switch (manifest.kind) {
    case 'Participant': {
      if (value === null) return step('add');
      const changed = differing(manifest.spec, value.body);
      if (value.body['state'] === manifest.state) return step(changed.length === 0 ? 'same' : 'change', changed);
      return step(manifest.state === 'suspended' ? 'cut' : 'change', [...changed, 'state']);
    }
    case 'Dataset':
      return value === null ? step('add') : planDataset(api, manifest, value, step);
    case 'Right':
      if (value === null) return step('add');
      return changedStep(step, differing(manifest.spec, value.body));
    case 'Baseline':
      if (value === null) return step('add');
      return changedStep(step, differing({ policy: manifest.policy }, value.body));
    case 'Offer': {
      const isWithdrawn = value === null || value.body['withdrawnAt'] !== null;
      if (manifest.withdrawn) return step(isWithdrawn ? 'same' : 'cut', isWithdrawn ? [] : ['withdrawn']);
      if (value === null || isWithdrawn) return step('add');
      return changedStep(step, differing({ policy: manifest.policy }, value.body));
    }
  }
}

type MakeStep = (kind: Step['kind'], changed?: readonly string[]) => Result<Step>;

const changedStep = (step: MakeStep, changed: readonly string[]): Result<Step> =>
  step(changed.length === 0 ? 'same' : 'change', changed);

async function planDataset(
  api: Api,
  { id, spec }: Extract<Manifest, { kind: 'Dataset' }>,
  { body }: Found,
  step: MakeStep,
): Promise<Result<Step>> {
  const { schema, ...rest } = spec;
  const changed = differing(rest, body);
  if (schema !== undefined) {
    const newest = await api.find(`/registry/subjects/${topicNames.raw(id)}-value/versions/latest`);
    if (!newest.ok) return newest;
    if (canonicalSchema(newest.value?.body['schema']) !== canonicalSchema(schema)) changed.push('schema');
  }
  const isClosed = changed.includes('state') && rest['state'] !== 'open' && body['state'] === 'open';
  return isClosed ? step('cut', changed) : changedStep(step, changed);
}

/** Members that are asked for and are not so. What a manifest leaves out is left as it is. */
function differing(wanted: Members, there: Members): string[] {
  return Object.keys(wanted)
    .filter((name) => (name === 'policy' ? !isSame(wanted[name], there[name]) : !holds(wanted[name], there[name])))
    .toSorted();
}

const isSame = (wanted: unknown, there: unknown): boolean => canonicalJson(wanted ?? null) === canonicalJson(there ?? null);

/** Whether what is wanted is there; the API may have set more of an object, such as defaults. */
function holds(wanted: unknown, there: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(there) && there.length === wanted.length && wanted.every((one, index) => holds(one, there[index]));
  if (typeof wanted !== 'object' || wanted === null) return isSame(wanted, there);
  if (typeof there !== 'object' || there === null || Array.isArray(there)) return false;
  return Object.entries(wanted).every(([name, one]) => holds(one, (there as Members)[name]));
}

/** The text in one form, or as it is where it cannot be read: the API says then what is wrong with it. */
function canonicalSchema(schema: unknown): string {
  const text = typeof schema === 'string' ? schema : JSON.stringify(schema ?? null);
  const parsed = parseSchema(text);
  return parsed.ok ? canonicalJson(JSON.parse(parsed.value.text)) : text;
}
