export type { Quarantined, Sealed, SealContext, SealKey } from './quarantine.ts';
export { decodeQuarantined, encodeQuarantined, importSealKey, openSealed, seal, sealedBytesMax } from './quarantine.ts';
export type { Receipt } from './receipt.ts';
export { chainHead, chainStart, decodeReceipt, encodeReceipt, GovernedDigest } from './receipt.ts';
export { quarantinedSchemaText, receiptSchemaText } from './record-schemas.ts';
