/** Whether a proof runs in its long form: `npm run test:fire`. The quick form is part of every run of the tests. */
export const isLong = process.env['INTERLOCK_FORM'] === 'long';

/** How much a proof does: the first in its quick form, the second in its long one. */
export const byForm = <T>(quick: T, long: T): T => (isLong ? long : quick);
