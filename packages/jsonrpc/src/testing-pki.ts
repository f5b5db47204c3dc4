/** Keys and certificates for tests, made by openssl. */
import { execFileSync } from 'node:child_process';

/** Runs openssl in `folder`. Throws if it fails, or is not installed. */
function openssl(folder: string, ...args: string[]): void {
  try {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  } catch (cause) {
    throw new Error('openssl failed: is the Debian package openssl installed?', { cause });
  }
}

/** Makes `NAME.key` and a certificate `NAME.pem` of its own signature, for two days. */
export function makeAuthority(folder: string, name: string, commonName: string): void {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
  openssl(
    folder,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    ...files,
    '-subj',
    `/CN=${commonName}`,
    '-days',
    '2',
  );
}

/** Makes `NAME.key`, and a certificate `NAME.pem` with the common name NAME that the authority `ca` signs. */
export function makeCertificate(folder: string, name: string): void {
  const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
  openssl(folder, 'req', '-newkey', 'rsa:2048', '-nodes', ...request, '-subj', `/CN=${name}`);
  const signed = ['-in', `${name}.csr`, '-out', `${name}.pem`];
  openssl(folder, 'x509', '-req', ...signed, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2');
}
