/** `sluice apply`: makes participants, datasets, rights, baselines and offers what a directory says. */
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import { Api } from '../apply/api.ts';
import type { Step } from '../apply/plan.ts';
import { pathOf, planSteps } from '../apply/plan.ts';
import type { Manifest } from '../apply/read-manifests.ts';
import { readManifests, titleOf } from '../apply/read-manifests.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';
import { secretOf } from '../secret.ts';

const marks: Readonly<Record<Step['kind'], string>> = { add: '+', change: '~', cut: '-', same: '=' };

export const apply: Command = {
  name: 'apply',
  summary: 'makes participants, datasets and policies what a directory of YAML says',
  usage: '-f <directory or file> --api <url> --account <name> (--secret <text> | --secret-file <file>) [--plan yes] [--hold yes]',
  help: [
    'Reads every *.yaml below the directory, looks at what is there, shows what would be added (+), changed (~) and cut (-), and does it in that order:',
    'participants, datasets, rights, baselines, offers. With --plan yes it only shows. What is so already is left alone, so it may be run again at any time;',
    'after a failure it goes on where it stopped. A thing that somebody changed after it was looked at is not overwritten.',
    '',
    'A document is one of',
    '  { kind: Participant, id, state: active | suspended, spec: { name, roles, ... } }',
    '  { kind: Dataset, id, schemaFile: schema.avsc, spec: { title, publisher, level, ... } }',
    '  { kind: Right, dataset, right: holder | processor | operator, spec: { holder, evidence, registrationNumber } }',
    '  { kind: Baseline, dataset, policy: an ODRL Set }',
    '  { kind: Offer, id, withdrawn: true | false, policy: an ODRL Offer }',
    'Members of spec are those of the API. What a document does not say stays as it is; what no document names is never touched. With --hold yes a stricter',
    'baseline suspends the agreements that are looser than it; without, it is refused and they are named. An API key goes where the secret goes.',
  ].join('\n'),
  async run(args, { write, stopped }) {
    const options = readOptions(
      args.map((arg) => (arg === '-f' ? '--file' : arg)),
      ['file', 'api', 'account'],
      ['secret', 'secret-file', 'plan', 'hold'],
    );
    if (!options.ok) return options;
    const { file, api: address, account, plan, hold } = options.value;
    if (!/^https?:\/\//.test(address)) return fail('request-invalid', '--api is an http or https URL');
    const secret = await secretOf(options.value.secret, options.value['secret-file']);
    if (!secret.ok) return secret;
    const manifests = await readManifests(file);
    if (!manifests.ok) return manifests;
    const api = new Api(address, account, secret.value);
    const steps = await planSteps(api, manifests.value);
    if (!steps.ok) return steps;
    const due = steps.value.filter(({ kind }) => kind !== 'same');
    for (const step of due) write(lineOf(step));
    write(summaryOf(steps.value));
    if (plan !== undefined || due.length === 0) return ok(undefined);
    for (const [index, step] of due.entries()) {
      if (stopped.aborted) return fail('conflict', `stopped: ${due.length - index} steps are left; run it again`);
      const done = await applyStep(api, step, hold !== undefined);
      if (!done.ok) return during(`${index} of ${due.length} steps are done; applying ${titleOf(step.manifest)}`, done.failure);
      write(`${titleOf(step.manifest)} is applied.`);
    }
    return ok(undefined);
  },
};

const lineOf = ({ kind, manifest, changed }: Step): string =>
  `${marks[kind]} ${titleOf(manifest)}${changed.length === 0 ? '' : `: ${changed.join(', ')}`}`;

function summaryOf(steps: readonly Step[]): string {
  const count = (kind: Step['kind']): number => steps.filter((step) => step.kind === kind).length;
  return `${count('add')} to add, ${count('change')} to change, ${count('cut')} to cut, ${count('same')} as they should be.`;
}

async function applyStep(api: Api, { kind, manifest, changed, etag }: Step, hold: boolean): Promise<Result<void>> {
  const path = pathOf(manifest);
  switch (manifest.kind) {
    case 'Participant': {
      const isNew = kind === 'add';
      if (isNew || changed.some((name) => name !== 'state')) {
        const put = await api.put(path, manifest.spec, etag);
        if (!put.ok) return put;
      }
      return setState(api, path, manifest, isNew ? ['state'] : changed);
    }
    case 'Dataset':
    case 'Right':
      return api.put(path, manifest.spec, etag);
    case 'Baseline':
      return api.put(`${path}${hold ? '?hold=true' : ''}`, { policy: manifest.policy }, etag);
    case 'Offer':
      return manifest.withdrawn ? api.post(`${path}/withdraw`) : api.put(path, { policy: manifest.policy }, etag);
  }
}

/** A new participant is active. */
async function setState(
  api: Api,
  path: string,
  { state }: Extract<Manifest, { kind: 'Participant' }>,
  changed: readonly string[],
): Promise<Result<void>> {
  if (!changed.includes('state')) return ok(undefined);
  return api.post(`${path}/${state === 'suspended' ? 'suspend' : 'resume'}`);
}
