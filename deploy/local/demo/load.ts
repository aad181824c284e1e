/** Puts the demo's participants, accounts, datasets and agreements into Sluice by its public API. Doing it again changes nothing. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { ApiAccount } from './api-client.ts';
import { ApiClient } from './api-client.ts';
import type { DemoAgreement } from './participants.ts';
import { demoAgreements, demoDatasets, demoDeliveries, demoParticipants } from './participants.ts';
import type { DemoSecrets } from './secrets.ts';

export interface ApiPlace {
  /** `http://host:port` of the control plane. */
  readonly apiAddress: string;
  /** An operator's. */
  readonly account: ApiAccount;
}

interface PlatformPlaces {
  /** The regional platform's broker and link's account there. */
  readonly regional: { readonly brokers: readonly string[]; readonly username: string };
  /** Where the national platform takes batches. */
  readonly national: { readonly url: string };
}

export interface LoadedAgreement {
  readonly id: DemoAgreement;
  readonly dataset: string;
  /** Also the name of the subscriber's account. */
  readonly assignee: string;
  readonly kind: 'kafka' | 'mirror' | 'webhook';
  readonly topic: string;
}

/** What is looked at here; all else goes to the API as it stands, which refuses what it does not know. */
const datasetFile = z.looseObject({
  id: z.string(),
  publisher: z.string(),
  partitions: z.int(),
  /** By kind. */
  rights: z.record(z.string(), z.unknown()),
});
const policyFile = z.looseObject({ uid: z.string() });

const agreementAnswer = z.object({ dataset: z.string(), assignee: z.string(), topic: z.string() });

type LoadOptions = ApiPlace & PlatformPlaces & { readonly secrets: DemoSecrets };

/** All of it, with platforms whose places are known. */
export async function loadDemo(options: LoadOptions): Promise<Result<readonly LoadedAgreement[]>> {
  const parties = await loadParties(options, options.secrets);
  return parties.ok ? loadAgreements(options, options.secrets, options) : parties;
}

/** Participants, accounts, datasets with their rights, baselines and offers: what needs no platform. */
export async function loadParties(place: ApiPlace, secrets: DemoSecrets): Promise<Result<void>> {
  const admin = adminClient(place);
  const puts: readonly (readonly (readonly [string, unknown])[])[] = [
    demoParticipants.map(({ id, ...participant }) => [`/v1/participants/${id}`, participant]),
    demoParticipants.map(({ id }) => [`/v1/accounts/${id}`, { participant: id, secret: secrets.accounts[id] }]),
    demoDatasets.map((id) => [`/v1/datasets/${id}`, datasetBody(id, secrets)]),
    demoDatasets.flatMap((id) =>
      Object.entries(readDataset(id).description.rights).map(
        ([kind, right]) => [`/v1/datasets/${id}/rights/${kind}`, right] as const,
      ),
    ),
    demoDatasets.map((id) => [`/v1/datasets/${id}/baseline`, { policy: readDatasetPolicy(id, 'baseline') }]),
    demoDatasets.map((id) => {
      const policy = readDatasetPolicy(id, 'offer');
      return [`/v1/offers/${policy.uid}`, { policy }];
    }),
  ];
  for (const step of puts) {
    const done = await Promise.all(step.map(([path, body]) => admin.put(path, body)));
    for (const answer of done) if (!answer.ok) return during('loading the demo', answer.failure);
  }
  return ok(undefined);
}

/** Agreements with their deliveries, after everything else. */
export async function loadAgreements(
  place: ApiPlace,
  secrets: DemoSecrets,
  platforms: PlatformPlaces,
): Promise<Result<readonly LoadedAgreement[]>> {
  const admin = adminClient(place);
  const done = await Promise.all(
    demoAgreements.map((id) => {
      const policy = readFileSync(path.join(demoDirectory(), 'policies', `${id}.yaml`), 'utf8');
      return admin.put(`/v1/agreements/${id}`, { policy, delivery: deliveryBody(id, secrets, platforms) });
    }),
  );
  const loaded: LoadedAgreement[] = [];
  for (const [index, id] of demoAgreements.entries()) {
    const answer = done[index];
    if (answer?.ok !== true)
      return answer === undefined ? fail('internal', 'an answer is missing') : during('loading the demo', answer.failure);
    loaded.push({ id, kind: demoDeliveries[id].kind, ...agreementAnswer.parse(answer.value.body) });
  }
  return ok(loaded);
}

const adminClient = ({ apiAddress, account }: ApiPlace): ApiClient => new ApiClient(apiAddress, account);

/** The files are read from the sources: the build copies only code. */
export const demoDirectory = (): string => path.join(repositoryRoot(), 'deploy', 'local', 'demo');

/** A dataset's description and its schema's text, from `datasets/<id>/`. */
export function readDataset(id: string): { description: z.infer<typeof datasetFile>; schemaText: string } {
  const directory = path.join(demoDirectory(), 'datasets', id);
  const description = datasetFile.parse(parseYaml(readFileSync(path.join(directory, 'dataset.yaml'), 'utf8')));
  return { description, schemaText: readFileSync(path.join(directory, 'schema.avsc'), 'utf8') };
}

/** A dataset's Set or Offer, from `datasets/<id>/`. */
export const readDatasetPolicy = (id: string, name: 'baseline' | 'offer'): z.infer<typeof policyFile> =>
  policyFile.parse(parseYaml(readFileSync(path.join(demoDirectory(), 'datasets', id, `${name}.yaml`), 'utf8')));

function datasetBody(id: string, secrets: DemoSecrets): Record<string, unknown> {
  const { description, schemaText } = readDataset(id);
  const { id: _, rights: __, ...fields } = description;
  return { ...fields, schema: JSON.parse(schemaText) as unknown, sealTo: secrets.seals[description.publisher]?.publicKey };
}

function deliveryBody(id: DemoAgreement, secrets: DemoSecrets, { regional, national }: PlatformPlaces): Record<string, unknown> {
  const delivery = demoDeliveries[id];
  switch (delivery.kind) {
    case 'kafka':
      return { kind: 'kafka' };
    case 'mirror':
      return { ...delivery, brokers: regional.brokers, username: regional.username, password: secrets.mirrorPassword };
    case 'webhook':
      return { ...delivery, url: national.url, secret: secrets.webhookSecret };
  }
}
