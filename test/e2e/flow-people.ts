/** The three people of the flow: their accounts, their calls, what the publisher describes as YAML, and what it publishes. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';

export interface Person {
  readonly name: string;
  readonly secret: string;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared whole, by their tests.
  readonly body: any;
}

export const publisher: Person = { name: 'district-health', secret: 'publisher-secret-of-the-flow' };
export const subscriber: Person = { name: 'outpatient-institute', secret: 'subscriber-secret-of-the-flow' };
export const dataset = 'outpatient-visits';
export const offer = 'outpatient-visits-research';

/** Asks the API as a person. Throws for another status than the one that is expected. */
export async function ask(
  address: string,
  { name, secret }: Person,
  [method, place, json]: readonly [method: string, place: string, json?: unknown],
  expected = 200,
): Promise<Answer> {
  const response = await fetch(`${address}${place}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`${method} ${place} answered ${response.status}: ${text}`);
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

/** Runs the command line as a person would, and answers what it said. Throws when it fails. */
export function applyAs(address: string, { name, secret }: Person, directory: string): Promise<string> {
  const { SLUICE_DATA_DIR: _, ...environment } = process.env;
  const args = ['apply', '-f', directory, '--api', address, '--account', name, '--secret', secret];
  const child = spawn(process.execPath, [path.join(repositoryRoot(), 'dist', 'apps', 'cli', 'main.js'), ...args], {
    env: { ...environment, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      said += part.toString();
    });
  return new Promise((resolve, reject) =>
    child.once('close', (code) => (code === 0 ? resolve(said) : reject(new Error(`apply ended with ${code}: ${said}`)))),
  );
}

const head = { '@context': 'http://www.w3.org/ns/odrl.jsonld', profile: 'urn:sluice:odrl:1' };
const protectedPlaces = [
  { stage: 'pseudonymize', at: '/residentId', with: { length: 32 } },
  { stage: 'mask', at: '/phone', with: { first: 3, last: 4, width: 4 } },
];
const channels = { key: { repeats: '/residentId' } };

const schema = {
  type: 'record',
  name: 'OutpatientVisit',
  fields: [
    { name: 'residentId', type: 'string', doc: '公民身份号码', 'sluice.tags': ['direct-identifier'] },
    { name: 'phone', type: 'string', doc: '手机号码', 'sluice.tags': ['direct-identifier'] },
    { name: 'department', type: 'string', 'sluice.tags': ['plain'] },
    { name: 'number', type: 'int', doc: 'Of the visit, from 0', 'sluice.tags': ['plain'] },
    { name: 'day', type: { type: 'int', logicalType: 'date' }, 'sluice.tags': ['quasi-identifier'] },
  ],
};

/** Who takes part: what the operator applies. */
export function writeParties(directory: string): void {
  write(directory, 'parties.yaml', [
    { kind: 'Participant', id: publisher.name, spec: { name: '滨江区卫生健康局', roles: ['publisher'], sector: 'Q' } },
    {
      kind: 'Participant',
      id: subscriber.name,
      spec: { name: '门诊研究院', roles: ['subscriber'], sector: 'M', region: 'CN-330108' },
    },
  ]);
}

/** A dataset with its rights, its baseline and an offer: what the publisher applies. */
export function writeCatalog(directory: string): void {
  const right = {
    holder: publisher.name,
    evidence: { title: '数据产权登记证书', sha256: 'a'.repeat(64) },
    registrationNumber: 'ZJ-2026-0001',
  };
  write(directory, 'dataset.yaml', [
    {
      kind: 'Dataset',
      id: dataset,
      schemaFile: 'visits.avsc',
      spec: {
        title: { zh: '门诊就诊明细', en: 'Outpatient visits' },
        publisher: publisher.name,
        sealTo: randomBytes(32).toString('base64url'),
        keyField: '/residentId',
        level: 'L2',
        theme: 'health',
        keywords: ['门诊', '就诊'],
        frequency: 'continuous',
      },
    },
    ...['holder', 'processor', 'operator'].map((kind) => ({ kind: 'Right', dataset, right: kind, spec: right })),
  ]);
  writeFileSync(path.join(directory, 'visits.avsc'), JSON.stringify(schema));
  const permission = { target: dataset, action: 'distribute' };
  write(directory, 'policies.yaml', [
    {
      kind: 'Baseline',
      dataset,
      policy: {
        ...head,
        '@type': 'Set',
        uid: dataset,
        permission: [{ ...permission, duty: [{ action: 'govern', channels, stages: protectedPlaces }] }],
      },
    },
    {
      kind: 'Offer',
      id: offer,
      policy: {
        ...head,
        '@type': 'Offer',
        uid: offer,
        permission: [
          {
            ...permission,
            assigner: publisher.name,
            constraint: [
              { leftOperand: 'purpose', operator: 'isAnyOf', rightOperand: ['research'] },
              { leftOperand: 'industry', operator: 'isAnyOf', rightOperand: ['M'] },
            ],
            duty: [
              {
                action: 'govern',
                channels,
                stages: [...protectedPlaces, { stage: 'keep', at: ['/department', '/number', '/day'] }],
              },
            ],
          },
        ],
      },
    },
  ]);
}

function write(directory: string, name: string, documents: readonly unknown[]): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, name), documents.map((one) => stringify(one)).join('---\n'));
}

/** Visit `number`, as the publisher sends it. Each has a resident and a phone of its own. */
export const visitOf = (number: number) => ({
  residentId: `33010819800101${String(1_000 + number).padStart(4, '0')}`,
  phone: `1385710${String(number).padStart(4, '0')}`,
  department: '内科',
  number,
  day: '2026-01-05',
});

/** What of a raw record must be nowhere behind the gate: a resident's number or a phone of any visit. */
export const rawIdentifier = /33010819800101\d{4}|1385710\d{4}/;
