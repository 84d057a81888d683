/** A principal's idempotency key. */
export interface Key {
  readonly principal: string;
  readonly key: string;
}

export const keyName = ({ principal, key }: Key): string => `${principal}\n${key}`;
