import { createSecureContext } from 'node:tls';
import type { ClientTls } from '../kit/client-tls.ts';
import { asError } from '../kit/fault.ts';
import { UsageError, type TlsFiles } from './environment.ts';
import { readCertificate, readKey, readTrusted } from './tls.ts';

/**
 * Reads by which certificates a gate is called, and holds them against one another: what would end the handshake ends here.
 * @param nowMs a certificate of another time is shown to nobody
 * @throws UsageError that names the file, and says no key
 */
export function readClientTls({ ca, cert, certKey }: TlsFiles, nowMs: number): ClientTls {
  if ((cert === undefined) !== (certKey === undefined))
    throw new UsageError(
      `a certificate and its key go together (--cert and --cert-key), and only ${cert ?? certKey ?? ''} is named`,
    );
  const trusted = ca === undefined ? undefined : reading(ca, readTrusted);
  const shown = cert === undefined ? undefined : reading(cert, file => readCertificate(file, nowMs));
  const key = certKey === undefined ? undefined : reading(certKey, readKey);
  if (shown !== undefined && key !== undefined && !shown.leaf.checkPrivateKey(key.parsed))
    throw new UsageError(`${certKey ?? ''}: is not the key of the certificate in ${cert ?? ''}`);
  const pem = {
    ...(trusted !== undefined && { ca: trusted }),
    ...(shown !== undefined && { cert: shown.pem }),
    ...(key !== undefined && { key: key.pem }),
  };
  try {
    createSecureContext(pem);
  } catch (thrown) {
    throw new UsageError(`the certificates cannot be used: ${asError(thrown).message}`);
  }
  return pem;
}

function reading<T>(file: string, read: (file: string) => T): T {
  try {
    return read(file);
  } catch (thrown) {
    throw new UsageError(`${file}: ${asError(thrown).message}`);
  }
}
