import { createHash, generateKeyPairSync, sign } from 'node:crypto';

/** A TLS key and a certificate for this DNS name that nobody trusts, made on the spot so that no key lies in the tree; from and to are years. */
export function selfSigned(
  host: string,
  { from = 2020, to = 2049, ca = false, namedCurve = 'P-256' } = {},
): { readonly key: string; readonly cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const name = sequence(der(0x31, sequence(oid([0x55, 0x04, 0x03]), der(0x0c, Buffer.from(host)))));
  const ecdsaWithSha256 = sequence(oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
  const utcTime = (year: number): Buffer => der(0x17, Buffer.from(`${String(year % 100)}0101000000Z`));
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' });
  const altNames = sequence(der(0x82, Buffer.from(host)));
  const isAuthority = sequence(oid([0x55, 0x1d, 0x13]), der(0x04, sequence(der(0x01, Buffer.from([0xff])))));
  const extensions = der(
    0xa3,
    sequence(sequence(oid([0x55, 0x1d, 0x11]), der(0x04, altNames)), ...(ca ? [isAuthority] : [])),
  );
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, createHash('sha256').update(subjectKey).digest().subarray(0, 8).fill(1, 0, 1)),
    ecdsaWithSha256,
    name,
    sequence(utcTime(from), utcTime(to)),
    name,
    subjectKey,
    extensions,
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(
    toBeSigned,
    ecdsaWithSha256,
    der(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

/** One DER value: tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const oid = (bytes: number[]): Buffer => der(0x06, Buffer.from(bytes));
