/** A principal's idempotency key. */
export interface Key {
  readonly principal: string;
  readonly key: string;
}

/** Who asks, by which key and with which body. */
export interface AskedKey extends Key {
  readonly bodyDigest: string;
}

export const keyName = ({ principal, key }: Key): string => `${principal}\n${key}`;
