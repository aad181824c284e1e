/** What the tests of baselines, rights and offers share: policies on the dataset of a feed, and rights that let it be offered. */
import type { Call, Feed } from './control-plane-fixture.ts';
import { datasetBody, expectStatus } from './control-plane-fixture.ts';

const head = { '@context': 'http://www.w3.org/ns/odrl.jsonld', profile: 'urn:sluice:odrl:1' };

/** Rules that cover every field of the dataset of a feed, `phone` by the rule given. */
export const rulesWith = (phone: object): object[] => [
  { stage: 'keep', at: ['/cost', '/day', '/count'] },
  { at: '/phone', ...phone },
  { stage: 'pseudonymize', at: '/id', with: { length: 32 } },
];
export const maskedPhone = { stage: 'mask', with: { first: 3, last: 4, width: 4 } };

export interface PolicyParts {
  readonly stages?: readonly object[];
  readonly constraint?: readonly object[];
}

/** A Set on the feed's dataset; as the feed's own agreement allows, unless told otherwise. */
export const baselineOf = (
  { dataset }: Feed,
  { stages = [{ at: '/phone', ...maskedPhone }], constraint = [] }: PolicyParts = {},
) => ({
  ...head,
  '@type': 'Set',
  uid: dataset,
  permission: [{ target: dataset, action: 'distribute', constraint, duty: [{ action: 'govern', stages }] }],
});

export const offerOf = (
  { dataset, publisher }: Feed,
  uid: string,
  { stages = rulesWith(maskedPhone), constraint = [] }: PolicyParts = {},
) => ({
  ...head,
  '@type': 'Offer',
  uid,
  permission: [
    { target: dataset, assigner: publisher.name, action: 'distribute', constraint, duty: [{ action: 'govern', stages }] },
  ],
});

export const rightOf = (holder: string, more: object = {}) => ({
  holder,
  evidence: { title: '数据产权登记证书', sha256: 'a'.repeat(64) },
  registrationNumber: 'ZJ-2026-0001',
  ...more,
});

/** Classifies the dataset of a feed and registers its rights, so that it can be offered. */
export async function makeOfferable(call: Call, { dataset, publisher }: Feed): Promise<void> {
  const json = datasetBody(publisher.name, { level: 'L2' });
  expectStatus(await call('PUT', `/v1/datasets/${dataset}`, { json, as: publisher }), 200);
  for (const kind of ['holder', 'processor', 'operator'])
    expectStatus(
      await call('PUT', `/v1/datasets/${dataset}/rights/${kind}`, { json: rightOf(publisher.name), as: publisher }),
      200,
    );
}
