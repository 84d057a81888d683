/** A number from 0 up to, and without, 1. For spreading what would otherwise come at once; never for what must not be guessed. */
export const chance = (): number => Math.random();
