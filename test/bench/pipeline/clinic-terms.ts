/** W1's terms for the paths: P1h and P1c, compiled once, and the field key that a peer is given. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseYaml } from 'yaml';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { compile, deriveFieldKey } from '../../../libs/govern/index.ts';
import type { StageRule } from '../../../libs/odrl/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { stages } from '../../../libs/stages/index.ts';
import type { Terms } from '../workloads.ts';
import type { Expectation } from './verify-output.ts';
import { oracleOf } from './verify-output.ts';
import type { Feed } from './load-feed.ts';
import { clinicSchema, writerSchemaId } from './load-feed.ts';

export type PolicyName = 'P1h' | 'P1c';

export const governedSchemaId = 2;

/** P1h, from test/bench/policies. */
export function clinicTerms(name: PolicyName): Terms {
  const file = path.join(repositoryRoot(), 'test/bench/policies/p1h.yaml');
  const terms: Terms = unwrap(parsePolicy(parseYaml(readFileSync(file, 'utf8'))));
  return name === 'P1h' ? terms : { ...terms, rules: terms.rules.map(withCmac) };
}

const withCmac = (rule: StageRule): StageRule =>
  rule.stage === 'pseudonymize' ? { ...rule, with: { ...rule.with, prf: 'aes-128-cmac' } } : rule;

/** As the data plane runs it. */
export const compileTerms = (terms: Terms): Program => unwrap(compile({ schema: clinicSchema(), terms, stages }));

export const approvedOf = (
  { governedSchema: { text }, manifest, module, hash }: Program,
  schemaId = governedSchemaId,
): ApprovedProgram => ({
  writerSchemaId,
  writerSchema: clinicSchema().text,
  governedSchemaId: schemaId,
  governedSchema: text,
  manifest,
  module: Buffer.from(module ?? []).toString('base64'),
  programHash: hash,
  signature: '',
});

/** What the reference engine makes of the feed under the policy and the key. */
export function governedExpectation(name: PolicyName, feed: Feed, dataKey: Uint8Array, schemaId = governedSchemaId): Expectation {
  const program = unwrap(compile({ schema: clinicSchema(), terms: clinicTerms(name), stages, engine: 'reference' }));
  const bound = unwrap(program.bind({ governedSchemaId: schemaId, datasetId: feed.dataset, dataKey }));
  return { oracle: oracleOf(bound), schema: program.governedSchema, counts: feed.passing };
}

/** The key of `residentId` in this dataset: peers make the same tokens with it. */
export const residentKeyHex = (dataset: string, dataKey: Uint8Array): string =>
  Buffer.from(deriveFieldKey(dataKey, dataset, 'pseudonymize/residentId')).toString('hex');
