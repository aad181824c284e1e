/** What a list of header terms must be, whoever made it. */
import type { ChannelTerms, HeaderTerm } from './terms.ts';

const termsMax = 64;
/** Bytes of UTF-8; the longest name of a Kafka topic, which is more than any tool writes. */
const nameBytesMax = 249;

/** Names of trace contexts: every subscriber of a raw record would get the same one. Compared without case, as some tools write them so. */
const joining: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** The first term that must not be, with the reason; undefined for a list that is fine. */
export function headerFault(
  terms: readonly HeaderTerm[],
  key: ChannelTerms['key'],
): { readonly index: number; readonly why: string } | undefined {
  const seen = new Set<string>();
  for (const [index, term] of terms.entries()) {
    const why =
      index >= termsMax ? `there are more than ${termsMax} header terms` : (nameFault(term.name) ?? termFault(term, key));
    if (why !== undefined) return { index, why };
    if (seen.has(term.name)) return { index, why: 'an earlier term is about the same header' };
    seen.add(term.name);
  }
  return undefined;
}

/** One order for every list of the same terms, by UTF-16 code units of the name. */
export const sortedHeaders = (terms: readonly HeaderTerm[]): readonly HeaderTerm[] =>
  [...terms].sort((a, b) => (a.name < b.name ? -1 : 1));

/** A name is compared as text: the character that stands for bytes that are none would stand for any of them. */
function nameFault(name: string): string | undefined {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > nameBytesMax) return `a header name has 1 to ${nameBytesMax} bytes`;
  if (!name.isWellFormed() || name.includes('\ufffd')) return 'the header name is not valid text';
  if (joining.has(name.toLowerCase()))
    return `${name} joins the records of all subscribers, so it never leaves; each agreement has a trace of its own`;
  return undefined;
}

const termFault = (term: HeaderTerm, key: ChannelTerms['key']): string | undefined =>
  'repeats' in term && key === 'drop' ? 'a header cannot repeat a key that is dropped' : undefined;
