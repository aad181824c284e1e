/** A policy given as text: YAML 1.2 or JSON, without aliases and tags, as plain JSON. */
import { parseDocument } from 'yaml';

import type { Result } from '../../../libs/base/index.ts';
import { fail, limits, ok } from '../../../libs/base/index.ts';

export function parsePolicyText(text: string): Result<unknown> {
  if (Buffer.byteLength(text) > limits.policyBytesMax)
    return fail('policy-invalid', `the policy is over ${limits.policyBytesMax} bytes`);
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      uniqueKeys: true,
      customTags: [],
      resolveKnownTags: false,
    });
    const [error] = document.errors;
    if (error !== undefined)
      return fail('policy-invalid', `the policy is not YAML: line ${error.linePos?.[0].line ?? 1}: ${error.code}`);
    return ok(JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 0 }))));
  } catch {
    return fail('policy-invalid', 'the policy is not plain YAML: aliases and deep nesting are refused');
  }
}
