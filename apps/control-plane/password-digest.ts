/** What is kept of a credential's password: the password is 32 random bytes, so that a plain digest tells nothing and nothing is guessed. */
import { createHash } from 'node:crypto';

/** SHA-256, hex. */
export const digestOfPassword = (password: string): string => createHash('sha256').update(password, 'utf8').digest('hex');
