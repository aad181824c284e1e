/** Errors of TLS that stay until somebody changes a setting or a certificate. Source: Node.js documentation, "TLS", X509 certificate error codes. */

const lasting =
  /^(?:ERR_TLS_CERT_|ERR_SSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_(?:GET|VERIFY|DECRYPT|DECODE)_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH|ERROR_IN_CERT)/;

/** What is wrong, as one clause, when an error or one that caused it is of that kind. */
export function tlsFault(error: unknown): string | undefined {
  for (let cause: unknown = error; typeof cause === 'object' && cause !== null; cause = 'cause' in cause ? cause.cause : null) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    if (lasting.test(code)) return `the broker's certificate, or its TLS, was refused (${code})`;
    if (cause instanceof Error && cause.message === 'Broker requires TLS.') return 'the broker wants TLS';
  }
  return undefined;
}
