/** What a text says right before a number: that it is an identity number, or that it is the number of an order. */

/** UTF-16 units that are looked back over: enough for 统一社会信用代码（18位）： and little enough to cost the same everywhere. */
const window = 16;

const stops = new Set([...'。，；！？\n,;!?、'].map((stop) => stop.charCodeAt(0)));

/** The end of the sentence's part before `at`: behind its last comma, stop or line break, in lower case. */
function partBefore(text: string, at: number): string {
  let start = at;
  while (start > 0 && at - start < window && !stops.has(text.charCodeAt(start - 1))) start -= 1;
  return text.slice(start, at).toLowerCase();
}

const numbersOf = {
  'identity': ['身份证', '身份号码', '公民身份', '证件号', '居民证', '身分证', '身份號', 'id card', 'id no', 'idcard', 'sfz'],
  'card': ['银行卡', '信用卡', '储蓄卡', '借记卡', '收款卡', '打款', '账号', '账户', '帐号', '卡号', 'card no', 'card number'],
  'bank card': ['银行卡', '信用卡', '储蓄卡', '借记卡'],
  'credit code': ['信用代码', '税号', '纳税人识别号', '社会代码'],
  'passport': ['护照', '通行证', '旅行证', 'passport'],
  'goods': [
    '订单',
    '单号',
    '流水',
    '编号',
    '编码',
    '运单',
    '快递',
    '发票',
    'imei',
    '串号',
    '串码',
    '序列',
    '批号',
    '批次',
    '货号',
    '型号',
    '条码',
    '条形码',
    '合同号',
    '案号',
    '凭证',
    '工单',
    '料号',
    '零件',
    '图号',
    '批准文号',
    '注册证',
    '会员',
    '航班',
    '车次',
    '学号',
    '工号',
    '病历号',
    '住院号',
    '标本',
    'order',
    'serial',
    's/n',
    'sn:',
    'sku',
    'part no',
    'model',
    'trace',
    'lot',
    'ref',
    'invoice',
  ],
  'version': [
    '版本',
    'version',
    'ver',
    'build',
    '固件',
    '内核',
    'kernel',
    'kernel',
    '升级到',
    '驱动',
    '更新至',
    '升级至',
    '章节',
    '条款',
    '第',
  ],
} as const;

/** Whether the part of the sentence before `at` says that a number of this kind follows. Costs the same whatever the text is. */
export function saysBefore(text: string, at: number, what: keyof typeof numbersOf): boolean {
  const before = partBefore(text, at);
  return numbersOf[what].some((word) => before.includes(word));
}
