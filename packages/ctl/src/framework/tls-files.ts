/** The files of an SSL client, checked one by one, and what is wrong with them said in the words of OpenSSL that the C programs log. */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { Log } from '@weft/vlog/log';

/** Which of the files can be used. */
export interface UsableFiles {
  readonly privateKey: boolean;
  readonly certificate: boolean;
  readonly caCert: boolean;
}

/** What OpenSSL says of a file that it cannot open, and of one that holds something else: all that goes wrong, the innermost first. */
const noFile = [
  'error:80000002:system library::No such file or directory',
  'error:10080002:BIO routines::system lib',
  'error:0A080002:SSL routines::system lib',
];
const noCertificate = ['error:0480006C:PEM routines::no start line', 'error:0A080009:SSL routines::PEM lib'];
const noKey = ['error:1E08010C:DECODER routines::unsupported'];

/** Checks the files that are named, and logs what is wrong with them. */
export function checkTlsFiles(files: TlsFiles, log: Pick<Log, 'write'>): UsableFiles {
  // OpenSSL keeps its errors in a queue, of which each message of the C programs takes one.
  const queue: string[] = [];
  const usable = (file: string | undefined, what: string, problemsOf: (file: string) => readonly string[]): boolean => {
    if (file === undefined) return false;
    const problems = problemsOf(file);
    if (problems.length === 0) return true;
    queue.push(...problems);
    log.write('stream_ssl', 'err', `${what}: ${queue.shift()}`);
    return false;
  };
  // A key and its certificate are only read once both are named.
  const both = files.privateKey !== undefined && files.certificate !== undefined;
  const certificateAlone = both && usable(files.certificate, 'SSL_use_certificate_file', certificateProblems);
  const cert = certificateAlone ? contents(files.certificate!) : undefined;
  const keyProblems = (file: string) => {
    const key = contents(file);
    if (key === undefined) return noFile;
    if (key === '') return noKey;
    return opensslProblems(cert === undefined ? { key } : { key, cert });
  };
  const privateKey = both && usable(files.privateKey, 'SSL_use_PrivateKey_file', keyProblems);
  const caCert =
    files.caCert === 'none' ||
    files.bootstrapCaCert === true ||
    usable(files.caCert, `failed to load client certificates from ${files.caCert}`, certificateProblems);
  return { privateKey, certificate: certificateAlone, caCert };
}

function certificateProblems(file: string): readonly string[] {
  const cert = contents(file);
  if (cert === undefined) return noFile;
  return cert.includes('-----BEGIN CERTIFICATE-----') ? opensslProblems({ cert }) : noCertificate;
}

function opensslProblems(options: SecureContextOptions): readonly string[] {
  try {
    createSecureContext(options);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** A file's text; a directory, which can be opened, has none. */
function contents(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? '' : undefined;
  }
}
