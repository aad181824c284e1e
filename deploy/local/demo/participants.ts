/** Who takes part in the demo. Every name is invented; an account has its participant's name. */

export interface DemoParticipant {
  readonly id: string;
  readonly name: string;
  readonly role: 'publisher' | 'subscriber' | 'platform';
}

export const demoParticipants: readonly DemoParticipant[] = [
  { id: 'binjiang-health', name: 'Health department of the demo district', role: 'publisher' },
  { id: 'qianjiang-motors', name: 'Qianjiang Motors (invented)', role: 'publisher' },
  { id: 'qiantang-trade', name: 'Qiantang cross-border trade zone (invented)', role: 'publisher' },
  { id: 'zhejiang-transport', name: 'Transport department of the demo province', role: 'publisher' },
  { id: 'xinglan-pharma', name: 'Xinglan Pharma (invented)', role: 'subscriber' },
  { id: 'tianmu-controls', name: 'Tianmu Controls (invented)', role: 'subscriber' },
  { id: 'yuanhang-analytics', name: 'Yuanhang Analytics (invented)', role: 'subscriber' },
  { id: 'yangtze-delta-platform', name: 'Regional data platform (invented)', role: 'platform' },
  { id: 'national-trade-platform', name: 'National trade data platform (invented)', role: 'platform' },
];

/** How each agreement of `policies/` is delivered. */
export const demoDeliveries = {
  'clinic-research': { kind: 'kafka' },
  'clinic-regional': { kind: 'mirror', topic: 'in.clinic-visits' },
  'orders-national': { kind: 'webhook', batchRecordsMax: 200 },
  'sensors-quality': { kind: 'kafka' },
  'flights-analytics': { kind: 'kafka' },
} as const;

export type DemoAgreement = keyof typeof demoDeliveries;

export const demoAgreements = Object.keys(demoDeliveries) as readonly DemoAgreement[];

export const demoDatasets = ['clinic-visits', 'machine-sensors', 'customs-orders', 'flights'] as const;
