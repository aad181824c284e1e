/** A policy that is fine, to be changed by the tests of parsing. */

export const policy = (change: (value: Record<string, never>) => void = () => undefined): unknown => {
  const value = {
    '@context': 'http://www.w3.org/ns/odrl.jsonld',
    '@type': 'Agreement',
    uid: 'study',
    profile: 'urn:sluice:odrl:1',
    permission: [
      {
        target: 'visits',
        assigner: 'health',
        assignee: 'lab',
        action: 'distribute',
        constraint: [{ leftOperand: 'purpose', operator: 'eq', rightOperand: 'research' }],
        duty: [
          {
            action: 'govern',
            stages: [
              { stage: 'keep', at: '/id' },
              { stage: 'mask', at: ['/name', '/phone'], with: { first: 1 }, else: 'null' },
            ],
          },
        ],
      },
    ],
  };
  change(value as never);
  return value;
};

/** The policy with other constraints, and other members of its permission. */
export const constrained = (constraint: readonly unknown[], more: object = {}): unknown =>
  policy((value) =>
    Object.assign((value['permission'] as unknown as object[])[0] ?? {}, {
      constraint,
      ...more,
    }),
  );
export const one = (leftOperand: string, operator: string, rightOperand: unknown): object => ({
  leftOperand,
  operator,
  rightOperand,
});
