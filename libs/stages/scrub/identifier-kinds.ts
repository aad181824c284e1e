/** The kinds of identifiers that are looked for in a text, and what stands in their place. */

export const identifierKinds = [
  'resident-id',
  'social-credit-code',
  'bank-card',
  'mobile',
  'landline',
  'plate',
  'passport',
  'email',
  'ip',
  'name',
  'address',
] as const;

export type IdentifierKind = (typeof identifierKinds)[number];

export const labels: Readonly<Record<IdentifierKind, string>> = {
  'resident-id': '[身份证]',
  'social-credit-code': '[信用代码]',
  'bank-card': '[银行卡]',
  'mobile': '[手机号]',
  'landline': '[电话]',
  'plate': '[车牌]',
  'passport': '[护照]',
  'email': '[邮箱]',
  'ip': '[IP地址]',
  'name': '[姓名]',
  'address': '[地址]',
};

/** Where an identifier stands, in UTF-16 units; `end` is behind it. */
export interface Finding {
  readonly kind: IdentifierKind;
  readonly start: number;
  readonly end: number;
  /** Whether it has a check digit, and that fits. */
  readonly checked: boolean;
}
