import { randomBytes, randomUUID } from 'node:crypto';

/** A fresh request, switch or load id: a random UUID. */
export const freshId = (): string => randomUUID();

/** A fresh bearer key: 256 random bits, with a prefix by which scanners of leaked secrets can know it. */
export const freshKey = (): string => `ilk_${randomBytes(32).toString('base64url')}`;
