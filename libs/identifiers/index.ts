export { bankCardIsValid, imeiIsValid, luhnCheckDigit } from './luhn.ts';
export { mobileNumber } from './mobile-number.ts';
export { passportIsWellFormed } from './passport.ts';
export { plateIsWellFormed } from './plate.ts';
export type { ResidentId } from './resident-id.ts';
export { parseResidentId, residentIdCheckDigit } from './resident-id.ts';
export { socialCreditCheckDigit, socialCreditCodeIsValid } from './social-credit-code.ts';
export { vinCheckDigit, vinCheckDigitFits } from './vin.ts';
