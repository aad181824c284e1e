/** Access requests: the steps that may follow each other, and the policy that comes out of an offer. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { compile } from '../govern/index.ts';
import { parseOffer, parsePolicy } from '../odrl/index.ts';
import { stages } from '../stages/index.ts';
import type { Approver, RequestProgress } from './access-request.ts';
import { approversOf, decide, nextApprover, withdraw } from './access-request.ts';
import { narrowOffer } from './narrow-offer.ts';
import { checkTightens } from './tightening.ts';

const submitted: RequestProgress = { state: 'submitted', decisions: [] };
const decision = (by: Approver, verdict: 'approved' | 'rejected' = 'approved') => ({
  by,
  account: `${by}-account`,
  decision: verdict,
  reason: '',
  at: '2026-01-05T00:00:00.000Z',
});

describe('a request', () => {
  test('of level L1 or L2 takes one approval, of L3 two in their order, and of no other level any', () => {
    for (const level of ['L1', 'L2']) {
      const one = unwrap(decide(submitted, unwrap(approversOf(level)), decision('assigner')));
      expect(one.state).toBe('approved');
    }
    const approvers = unwrap(approversOf('L3'));
    expect(decide(submitted, approvers, decision('operator'))).toMatchObject({ ok: false, failure: { code: 'conflict' } });
    const first = unwrap(decide(submitted, approvers, decision('assigner')));
    expect(first.state).toBe('submitted');
    expect(nextApprover(first, approvers)).toBe('operator');
    expect(decide(first, approvers, decision('assigner')).ok).toBe(false);
    expect(unwrap(decide(first, approvers, decision('operator'))).state).toBe('approved');
    for (const level of ['L4', null, 'L0', ''])
      expect(approversOf(level)).toMatchObject({ ok: false, failure: { code: 'offer-blocked' } });
  });

  test('that is decided or withdrawn stays so, whatever comes', () => {
    const step = fc.constantFrom('approve-a', 'approve-o', 'reject-a', 'reject-o', 'withdraw');
    fc.assert(
      fc.property(fc.constantFrom('L1', 'L3'), fc.array(step, { maxLength: 8 }), (level, steps) => {
        const approvers = unwrap(approversOf(level));
        let request = submitted;
        for (const name of steps) {
          const by: Approver = name.endsWith('-a') ? 'assigner' : 'operator';
          const next =
            name === 'withdraw'
              ? withdraw(request)
              : decide(request, approvers, decision(by, name.startsWith('approve') ? 'approved' : 'rejected'));
          if (request.state !== 'submitted') expect(next.ok).toBe(false);
          if (next.ok) request = next.value;
        }
        const approved = request.decisions.filter((one) => one.decision === 'approved').map((one) => one.by);
        expect(approved).toEqual(approvers.slice(0, approved.length));
        if (request.state === 'approved') expect(approved).toEqual(approvers);
        if (request.state === 'rejected') expect(request.decisions.at(-1)?.decision).toBe('rejected');
      }),
    );
  });
});

const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Visit',
      fields: [
        { 'name': 'id', 'type': 'string', 'sluice.tags': ['direct-identifier'] },
        { name: 'dept', type: 'string' },
        { name: 'cost', type: 'double' },
        {
          name: 'patient',
          type: {
            type: 'record',
            name: 'Patient',
            fields: [
              { 'name': 'phone', 'type': 'string', 'sluice.tags': ['direct-identifier'] },
              { name: 'age', type: 'int' },
            ],
          },
        },
        {
          name: 'lines',
          type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'code', type: 'string' }] } },
        },
        { name: 'note', type: ['null', 'string'], default: null },
      ],
    }),
  ),
);
const fields = ['/id', '/dept', '/cost', '/patient', '/lines', '/note'];

const offerJson = (constraint: unknown[] = []): Record<string, unknown> => ({
  '@context': 'http://www.w3.org/ns/odrl.jsonld',
  '@type': 'Offer',
  'uid': 'visits-research',
  'profile': 'urn:sluice:odrl:1',
  'permission': [
    {
      target: 'visits',
      assigner: 'hospital',
      action: 'distribute',
      constraint: [{ leftOperand: 'purpose', operator: 'isAnyOf', rightOperand: ['research', 'planning'] }, ...constraint],
      duty: [
        {
          action: 'govern',
          channels: {
            key: { repeats: '/id' },
            headers: [
              { name: 'source', keep: true },
              { name: 'who', repeats: 'key' },
            ],
          },
          stages: [
            { stage: 'filter', with: { where: 'cost >= 10.0' } },
            { stage: 'pseudonymize', at: 'tag:direct-identifier', with: { length: 32 } },
            { stage: 'keep', at: ['/dept', '/cost', '/patient/age', '/lines'] },
            { stage: 'drop', at: '/note' },
          ],
        },
        { action: 'attribute' },
        { action: 'delete', proof: true },
      ],
    },
  ],
  'prohibition': [{ target: 'visits/governed', action: 'distribute' }],
});
const asked = { agreement: 'visits-1', assignee: 'institute', purpose: 'research', fields: null, untilMs: null } as const;

describe('the policy of a request', () => {
  const offer = unwrap(
    parseOffer(offerJson([{ leftOperand: 'dateTime', operator: 'lt', rightOperand: '2027-06-01T00:00:00Z' }])),
  );

  test('compiles and is at least as strict as the offer, whichever fields and period are asked for', () => {
    fc.assert(
      fc.property(fc.subarray(fields, { minLength: 1 }), fc.option(fc.integer({ min: 1, max: 400 })), (wanted, days) => {
        const untilMs = days === null ? null : Date.parse('2026-01-01T00:00:00Z') + days * 86_400_000;
        const policy = unwrap(narrowOffer(offer, { ...asked, fields: wanted, untilMs }, schema));
        const terms = unwrap(parsePolicy(policy));
        expect(checkTightens({ schema, baseline: offer, policy: terms, stages })).toEqual({ ok: true, value: undefined });
        const program = compile({ schema, terms, stages });
        const leaves = ['/id', '/dept', '/cost', '/patient', '/lines'].filter((path) => wanted.includes(path));
        if (leaves.length === 0) return;
        const governed = (JSON.parse(unwrap(program).governedSchema.text) as { fields: { name: string }[] }).fields;
        expect(governed.map(({ name }) => `/${name}`)).toEqual(leaves);
        expect(terms.usage).toMatchObject({ purposes: ['research'], mayRedistribute: false, duties: ['attribute', 'delete'] });
        expect(terms.usage.endsAtMs).toBe(untilMs ?? Date.parse('2027-06-01T00:00:00Z'));
      }),
    );
  });

  test('drops the key, and headers that repeat it, with the field that it repeats', () => {
    const terms = unwrap(parsePolicy(unwrap(narrowOffer(offer, { ...asked, fields: ['/dept'] }, schema))));
    expect(terms.channels).toEqual({ key: 'drop', timestamp: 'keep', headers: [{ name: 'source', keep: true }] });
    const whole = unwrap(parsePolicy(unwrap(narrowOffer(offer, asked, schema))));
    expect(whole.channels).toEqual(offer.channels);
  });

  test('cuts a tagged field out of a rule by tag, and leaves the others of the tag governed', () => {
    const terms = unwrap(parsePolicy(unwrap(narrowOffer(offer, { ...asked, fields: ['/patient', '/dept'] }, schema))));
    expect(terms.rules.find(({ stage }) => stage === 'pseudonymize')?.at).toEqual(['/patient/phone']);
  });

  test('is refused for another purpose, an unknown field, no field, and a period past the end', () => {
    for (const [change, at] of [
      [{ purpose: 'marketing' }, '/purpose'],
      [{ fields: ['/nothing'] }, '/fields'],
      [{ fields: ['/patient/phone'] }, '/fields'],
      [{ fields: [] }, '/fields'],
      [{ untilMs: Date.parse('2028-01-01T00:00:00Z') }, '/until'],
    ] as const)
      expect(narrowOffer(offer, { ...asked, ...change }, schema)).toMatchObject({
        ok: false,
        failure: { code: 'request-invalid', at },
      });
  });
});
