/**
 * Leaves a part of the data plane's work out, to tell what it costs: `node --import <this file>?digest`. Loaded before the product's own main, which
 * knows nothing of it. `digest`: Receipts carry the digest of nothing. `receipts`: nor are there any.
 */
import { TransactionDraft } from '../../../apps/data-plane/transaction-draft.ts';
import { localDigests } from '../../../apps/data-plane/digests/digest-session.ts';
import { DigestThread } from '../../../apps/data-plane/digests/digest-thread.ts';
import { GovernedDigest } from '../../../libs/ledger/index.ts';

const part = new URL(import.meta.url).search.slice(1);
if (part !== 'digest' && part !== 'receipts') throw new Error(`there is no part ${part} that can be left out`);
const nothing = (): void => undefined;
GovernedDigest.prototype.add = nothing;
GovernedDigest.prototype.addLaidOut = nothing;
DigestThread.prototype.session = () => localDigests;
if (part === 'receipts') TransactionDraft.prototype.receipts = () => [];
