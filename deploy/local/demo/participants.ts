/** Who takes part in the demo. Every name is invented; an account has its participant's name. */

export interface DemoParticipant {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly ('publisher' | 'subscriber' | 'platform')[];
  /** Section of GB/T 4754-2017. */
  readonly sector: string;
  /** By GB/T 2260. */
  readonly region: string;
}

export const demoParticipants: readonly DemoParticipant[] = [
  {
    id: 'binjiang-health',
    name: 'Health department of the demo district',
    roles: ['publisher'],
    sector: 'Q',
    region: 'CN-330108',
  },
  { id: 'qianjiang-motors', name: 'Qianjiang Motors (invented)', roles: ['publisher'], sector: 'C', region: 'CN-330108' },
  {
    id: 'qiantang-trade',
    name: 'Qiantang cross-border trade zone (invented)',
    roles: ['publisher'],
    sector: 'F',
    region: 'CN-3301',
  },
  {
    id: 'zhejiang-transport',
    name: 'Transport department of the demo province',
    roles: ['publisher'],
    sector: 'G',
    region: 'CN-33',
  },
  { id: 'xinglan-pharma', name: 'Xinglan Pharma (invented)', roles: ['subscriber'], sector: 'C', region: 'CN-330108' },
  { id: 'tianmu-controls', name: 'Tianmu Controls (invented)', roles: ['subscriber'], sector: 'C', region: 'CN-3301' },
  { id: 'yuanhang-analytics', name: 'Yuanhang Analytics (invented)', roles: ['subscriber'], sector: 'I', region: 'CN-33' },
  { id: 'yangtze-delta-platform', name: 'Regional data platform (invented)', roles: ['platform'], sector: 'S', region: 'CN-31' },
  {
    id: 'national-trade-platform',
    name: 'National trade data platform (invented)',
    roles: ['platform'],
    sector: 'S',
    region: 'CN',
  },
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
