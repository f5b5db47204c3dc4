/** Why an SSL connection failed, in the words of OpenSSL. */

const verifyFailed = 'error:0A000086:SSL routines::certificate verify failed';
const ended = 'error:0A000126:SSL routines::unexpected eof while reading';

/** OpenSSL's text of a failure, in the form that the C programs log; undefined if it is none of OpenSSL's. */
export function opensslText(error: Error): string | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  const [, number, library, reason] = /error:([0-9A-F]+):([^:]*):[^:]*:([^:]+)/.exec(error.message) ?? [];
  if (number !== undefined) return `error:${number}:${library}::${reason}`;
  // The engine names what was found out about the peer's certificate by a code of its own.
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return verifyFailed;
  return code === 'ECONNRESET' && error.message.includes('TLS') ? ended : undefined;
}
