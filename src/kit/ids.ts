import { randomUUID } from 'node:crypto';

/** A fresh request, switch or load id: a random UUID. */
export const freshId = (): string => randomUUID();
