import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { asError } from '../kit/fault.ts';
import { readPlainFileWithModeSync } from '../kit/plain-file.ts';
import { isBlank } from '../kit/text.ts';
import type { TlsConfig } from './config.ts';
import { member, type Problems } from './problems.ts';
import { tlsSchema } from './schemas.ts';
import { refuseOpenMode } from './secret-file.ts';

/** All the authorities that a machine trusts are a quarter of this. */
const MAX_PEM_BYTES = 1024 * 1024;

/**
 * Reads the certificate, its key, and whose certificates clients must show, and holds them against one another: what would fail
 * at a client's first handshake fails here.
 * @param ofCertificates what is wrong with the files that are named, and not with how
 * @param nowMs certificates of another time are problems
 * @returns undefined where the configuration has no `tls`, or with a problem added
 */
export function readTls(
  { problems, ofCertificates }: { readonly problems: Problems; readonly ofCertificates: Problems },
  value: unknown,
  folder: string,
  nowMs: number,
): TlsConfig | undefined {
  if (value === undefined) return undefined;
  const named = problems.check(tlsSchema, value, ['tls']);
  const read = <T>(key: string, parse: (file: string) => T): T | undefined => {
    const file = member(value, key);
    if (typeof file !== 'string' || isBlank(file)) return undefined;
    try {
      return parse(resolve(folder, file));
    } catch (thrown) {
      ofCertificates.add(['tls', key], asError(thrown).message);
      return undefined;
    }
  };
  const cert = read('cert', file => readCertificate(file, nowMs));
  const key = read('key', readKey);
  const clientCa = read('client_ca', file => readAuthorities(file, nowMs));
  if (named === undefined || cert === undefined || key === undefined) return undefined;
  if (named.client_ca !== undefined && clientCa === undefined) return undefined;
  if (!cert.leaf.checkPrivateKey(key.parsed)) {
    ofCertificates.add(['tls', 'key'], `is not the key of the certificate in ${named.cert}`);
    return undefined;
  }
  const pem = { cert: cert.pem, key: key.pem, ...(clientCa !== undefined && { ca: clientCa }) };
  try {
    createSecureContext({ ...pem, minVersion: 'TLSv1.2' });
  } catch (thrown) {
    ofCertificates.add(['tls'], `cannot be used: ${asError(thrown).message}`);
    return undefined;
  }
  return { pem, expiresMs: cert.expiresMs };
}

/** How the files are named, for who does not read them. */
export function checkTls(problems: Problems, value: unknown): void {
  if (value !== undefined) problems.check(tlsSchema, value, ['tls']);
}

function readText(file: string): { text: string; mode: number } {
  try {
    const { bytes, mode } = readPlainFileWithModeSync(file, MAX_PEM_BYTES);
    return { text: bytes.toString('utf8'), mode };
  } catch (thrown) {
    throw new Error(`cannot be read: ${asError(thrown).message}`, { cause: thrown });
  }
}

/** @throws Error with a sentence that says what is wrong with the file */
function parseCertificates(file: string): { pem: string; certificates: X509Certificate[] } {
  const { text: pem } = readText(file);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) throw new Error(`must hold certificates in PEM form, and ${file} holds none`);
  try {
    return { pem, certificates: blocks.map(block => new X509Certificate(block)) };
  } catch (thrown) {
    throw new Error(`holds a certificate that cannot be read: ${asError(thrown).message}`, { cause: thrown });
  }
}

/** Why a certificate does not hold at a time; undefined if it does. */
function outOfTime(certificate: X509Certificate, nowMs: number): string | undefined {
  if (nowMs < Date.parse(certificate.validFrom)) return `is not valid before ${certificate.validFrom}`;
  return nowMs > Date.parse(certificate.validTo) ? `expired at ${certificate.validTo}` : undefined;
}

/** The certificate that is shown, with its chain. @throws Error with a sentence */
export function readCertificate(
  file: string,
  nowMs: number,
): { pem: string; leaf: X509Certificate; expiresMs: number } {
  const { pem, certificates } = parseCertificates(file);
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error('holds no certificate');
  // The rest of the chain too: a client that is shown an expired intermediate trusts nothing.
  for (const certificate of certificates) {
    const trouble = outOfTime(certificate, nowMs);
    if (trouble !== undefined) throw new Error(`the certificate of ${nameOf(certificate)} ${trouble}`);
  }
  return { pem, leaf, expiresMs: Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))) };
}

/** Who is believed: an authority, or the very certificate that is shown. @throws Error with a sentence */
export const readTrusted = (file: string): string => parseCertificates(file).pem;

/** Authorities come and go, so one that is out of its time may stand beside one that is not. */
function readAuthorities(file: string, nowMs: number): string {
  const { pem, certificates } = parseCertificates(file);
  for (const certificate of certificates)
    if (!certificate.ca) throw new Error(`${nameOf(certificate)} is not a certificate authority`);
  if (certificates.every(certificate => outOfTime(certificate, nowMs) !== undefined))
    throw new Error('none of its certificate authorities is valid now: no client could be let in');
  return pem;
}

/** A key that others may read is refused. @throws Error with a sentence */
export function readKey(file: string): { pem: string; parsed: KeyObject } {
  // A running gate reads it too, so unlike a caller's key it may be no pipe.
  const { text: pem, mode } = readText(file);
  refuseOpenMode(file, mode);
  if (/ENCRYPTED/.test(pem))
    throw new Error('is protected by a passphrase, which nobody is there to type: give the key without one');
  try {
    return { pem, parsed: createPrivateKey(pem) };
  } catch {
    // What the parser says may hold parts of the file.
    throw new Error(`must hold a private key in PEM form`);
  }
}

const nameOf = (certificate: X509Certificate): string =>
  (certificate.subject || certificate.serialNumber).replaceAll('\n', ', ');
