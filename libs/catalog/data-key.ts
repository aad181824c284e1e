/** Data keys: whose they are, and what a wrapped one is bound to. Pure. */

/** An agreement's key makes what leaves under it; a dataset's knows its erased subjects. */
export interface KeyOwner {
  readonly kind: 'agreement' | 'dataset';
  readonly id: string;
}

/** `active` governs, `retired` still opens what it governed, `shredded` has no bytes any more. */
export type DataKeyState = 'active' | 'retired' | 'shredded';

/** The context that the key of an epoch is wrapped for: it opens for its owner and epoch alone. Ids hold no slash. */
export const dataKeyContext = ({ kind, id }: KeyOwner, epoch: number): string =>
  epoch === 1 ? `${kind}/${id}` : `${kind}/${id}/${epoch}`;

/** The context that the secret of an agreement's delivery is wrapped for. */
export const deliveryContext = (agreement: string): string => `delivery/${agreement}`;
