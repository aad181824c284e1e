/** Made identifiers as people write them: valid check digits, and separators, country codes and full-width digits now and then. */
import { luhnCheckDigit, residentIdCheckDigit, socialCreditCheckDigit } from '../../libs/identifiers/index.ts';
import type { Random } from './random.ts';

const areas =
  '110105 310115 330106 330108 330110 320102 320506 340104 350203 360102 370102 410105 420111 430104 440106 440305 450103 500103 510107 520102 530102 610113 620102 650102 330782 411627 341221 513401 150525 230102'.split(
    ' ',
  );
const two = (value: number): string => String(value).padStart(2, '0');

const fullWidth = (ascii: string): string =>
  ascii.replace(/[0-9A-Za-z]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));

/** Now and then in full-width form, as a form filled in with a Chinese keyboard has it. */
const written = (random: Random, ascii: string): string => (random.chance(0.04) ? fullWidth(ascii) : ascii);

const birthDate = (random: Random): string => `${random.whole(1935, 2018)}${two(random.whole(1, 12))}${two(random.whole(1, 28))}`;

export function residentIdOf(random: Random): string {
  const first17 = random.of(areas) + birthDate(random) + random.digits(3);
  if (random.chance(0.05)) return first17.slice(0, 6) + first17.slice(8);
  const id = first17 + residentIdCheckDigit(first17);
  const form = random.next();
  if (form < 0.08) return `${id.slice(0, 6)} ${id.slice(6, 14)} ${id.slice(14)}`;
  if (form < 0.14) return id.replace('X', 'x');
  return written(random, id);
}

/** A number of the same shape with a check digit that does not fit. */
export function wrongResidentId(random: Random): string {
  const first17 = random.of(areas) + birthDate(random) + random.digits(3);
  const right = residentIdCheckDigit(first17);
  let wrong = right;
  while (wrong === right) wrong = random.digits(1);
  return first17 + wrong;
}

export function creditCodeOf(random: Random): string {
  const area = random.of(areas);
  const organization = random.chance(0.6) ? `MA${random.letters(6, '0123456789ABCDEFGHJKLMNPQRTUWXY')}` : random.digits(8);
  const first17 = `${random.of(['91', '91', '92', '12', '52', '11', '93'])}${area}${organization}${random.of([...'0123456789X'])}`;
  return written(random, first17 + socialCreditCheckDigit(first17));
}

const cardBeginnings = '622202 621700 622848 622588 621483 622260 622908 625912 620522 621226 955880'.split(' ');

export function bankCardOf(random: Random): string {
  const length = random.chance(0.55) ? 19 : 16;
  const begin = random.chance(0.1) && length === 16 ? random.of(['4', '51', '53', '35']) : random.of(cardBeginnings);
  const body = begin + random.digits(length - 1 - begin.length);
  const card = body + luhnCheckDigit(body);
  const form = random.next();
  if (form < 0.3) return card.replace(/(\d{4})(?=\d)/g, '$1 ');
  if (form < 0.36) return card.replace(/(\d{4})(?=\d)/g, '$1-');
  return written(random, card);
}

export function mobileOf(random: Random): string {
  const begin = random.of(
    '130 131 135 136 137 138 139 150 151 152 155 157 158 159 166 170 173 176 177 178 180 182 185 186 187 188 189 191 198 199'.split(
      ' ',
    ),
  );
  const [middle, last] = [random.digits(4), random.digits(4)];
  const form = random.next();
  const apart = random.of([`${begin} ${middle} ${last}`, `${begin}-${middle}-${last}`]);
  if (form < 0.14) return apart;
  if (form < 0.26) return random.of(['+86', '+86 ', '0086', '+86-', '86-', '(+86)']) + begin + middle + last;
  if (form < 0.3) return `+86 ${apart}`;
  return written(random, begin + middle + last);
}

const areaCodes =
  '010 021 022 023 025 027 028 029 0571 0574 0577 0512 0519 0551 0591 0592 0531 0532 0755 0769 0757 0731 0371 0851 0871 0991'.split(
    ' ',
  );

export function landlineOf(random: Random): string {
  const area = random.of(areaCodes);
  const number = String(random.whole(2, 8)) + random.digits(area.length === 3 || random.chance(0.7) ? 7 : 6);
  const form = random.next();
  if (form < 0.6) return `${area}-${number}`;
  if (form < 0.7) return `(${area})${number}`;
  if (form < 0.78) return `${area} ${number}`;
  if (form < 0.85) return `（${area}）${number}`;
  if (form < 0.92) return `+86-${area.slice(1)}-${number}`;
  return area + number;
}

const plateProvinces = [...'浙浙浙沪苏京粤鲁豫皖赣闽川渝鄂湘冀津云桂陕'];

export function plateOf(random: Random): string {
  const city = random.letters(1, 'ABCDEFGHJ');
  const begin = random.of(plateProvinces) + city + random.of(['', '', '·', ' ']);
  if (random.chance(0.3))
    return `${begin}${random.letters(1, 'DFABC')}${random.of([random.letters(1), random.digits(1)])}${random.digits(4)}`;
  const symbols = [...random.digits(5)];
  for (let count = random.whole(0, 2); count > 0; count -= 1) symbols[random.whole(0, 4)] = random.letters(1);
  return begin + symbols.join('');
}

export const passportOf = (random: Random): string =>
  random.chance(0.5) ? `E${random.letters(1, 'ABCDEFGHJK')}${random.digits(7)}` : random.of(['E', 'E', 'G']) + random.digits(8);

const mailWords =
  'zhang wang liwei chenjing office info hr sales support xiaoming lily jack tom service data.team zhao_lei admin kefu amy'.split(
    ' ',
  );
const mailDomains = 'example.com example.cn example.com.cn mail.example.org hospital.example.cn corp-mail.example.net'.split(' ');

export const emailOf = (random: Random): string =>
  `${random.of(mailWords)}${random.of(['', '', '.', '_', '-'])}${random.of(['', random.digits(3), random.digits(6), 'cn'])}`.replace(
    /[._-]$/,
    '',
  ) + `@${random.of(mailDomains)}`;

export function ipOf(random: Random): string {
  if (random.chance(0.75))
    return [random.of([10, 172, 192, 203, 61, 115, 223]), random.whole(0, 255), random.whole(0, 255), random.whole(1, 254)].join(
      '.',
    );
  const group = (): string => random.whole(1, 0xffff).toString(16);
  return random.of([
    `2001:db8:${group()}::${group()}`,
    `fe80::${group()}:${group()}:${group()}:${group()}`,
    `240e:${group()}:${group()}:${group()}:${group()}:${group()}:${group()}:${group()}`,
  ]);
}
