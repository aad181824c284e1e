export type { Original, Quarantined, Sealed, SealContext, SealKey } from './quarantine.ts';
export {
  decodeQuarantined,
  encodeQuarantined,
  importSealKey,
  joinOriginal,
  openSealed,
  seal,
  sealedBytesMax,
  splitOriginal,
} from './quarantine.ts';
export type { Receipt } from './receipt.ts';
export { chainHead, chainStart, decodeReceipt, encodeReceipt, GovernedDigest } from './receipt.ts';
export { quarantinedSchemaText, receiptSchemaText } from './record-schemas.ts';
export type { ResumeCommand } from './resume-command.ts';
export { resumeRecord } from './resume-command.ts';
