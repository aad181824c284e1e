/** Canaries: values that stand in every protected field and must be found nowhere behind the gate, in whatever encoding. */

/** Common to all canaries; long and unlike anything else. One character is not ASCII, so that percent and escape forms differ from the raw one. */
export const canaryCore = 'Zq7密Xk9vTr4';

/** A canary of its own for each field and record. */
export const canary = (field: string, index: number): string => `${canaryCore}${field}${index.toString(36)}`;

/** The core in each form that bytes of it could take. */
const canaryForms: readonly { readonly form: string; readonly bytes: Buffer }[] = [
  { form: 'raw UTF-8', bytes: Buffer.from(canaryCore) },
  { form: 'hex', bytes: Buffer.from(Buffer.from(canaryCore).toString('hex')) },
  { form: 'upper-case hex', bytes: Buffer.from(Buffer.from(canaryCore).toString('hex').toUpperCase()) },
  { form: 'percent', bytes: Buffer.from(encodeURIComponent(canaryCore)) },
  {
    form: 'lower-case percent',
    bytes: Buffer.from(encodeURIComponent(canaryCore).replace(/%../g, (escape) => escape.toLowerCase())),
  },
  { form: 'JSON escape', bytes: Buffer.from(canaryCore.replace('密', '\\u5bc6')) },
  { form: 'UTF-16LE', bytes: Buffer.from(canaryCore, 'utf16le') },
  { form: 'UTF-16BE', bytes: Buffer.from(canaryCore, 'utf16le').swap16() },
  ...[0, 1, 2].flatMap((shift) => base64Forms(shift)),
];

/** The middle of the core's base64 at one of three alignments: what stands before and behind changes only the ends. */
function base64Forms(shift: number): { form: string; bytes: Buffer }[] {
  const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(canaryCore)])
    .toString('base64')
    .replace(/=+$/, '');
  const inner = text.slice(shift === 0 ? 0 : shift + 1, -1);
  return [
    { form: `base64 at ${shift}`, bytes: Buffer.from(inner) },
    { form: `base64url at ${shift}`, bytes: Buffer.from(inner.replaceAll('+', '-').replaceAll('/', '_')) },
  ];
}

/** The forms in which a canary occurs in these bytes. */
export const formsIn = (bytes: Uint8Array): string[] =>
  canaryForms
    .filter((candidate) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(candidate.bytes))
    .map(({ form }) => form);
