/** What an API key may be limited to. `http/account-guard.ts` holds each route against them. */
export const scopes = [
  'catalog:read',
  'catalog:write',
  'agreements:read',
  'agreements:write',
  'records:write',
  'registry',
  'streams:read',
  'admin',
] as const;

export type Scope = (typeof scopes)[number];

export const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);
