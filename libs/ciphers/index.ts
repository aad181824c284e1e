export type { CipherName } from './block.ts';
export type { Cmac } from './cmac.ts';
export { cmac } from './cmac.ts';
export type { Ff1 } from './ff1.ts';
export { ff1, ff1DomainMin } from './ff1.ts';
export type { Siv } from './siv.ts';
export { siv, sivKeyBytes, sivTagBytes } from './siv.ts';
