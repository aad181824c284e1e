/** Addresses of electronic mail, in the form that people have: a dot-atom before the sign, a name of the DNS behind it. */

const localCharactersMax = 64;
const charactersMax = 254;
const local = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** Quoted locals, comments and addresses in brackets are not taken. Source: RFC 5321, sections 4.1.2 and 4.5.3.1. */
export function emailIsWellFormed(input: string): boolean {
  if (input.length > charactersMax) return false;
  const [name = '', domain = '', ...rest] = input.split('@');
  const labels = domain.split('.');
  return (
    rest.length === 0 &&
    name.length <= localCharactersMax &&
    local.test(name) &&
    labels.length > 1 &&
    labels.every((part) => label.test(part)) &&
    !/^[0-9]+$/.test(labels.at(-1) ?? '')
  );
}
