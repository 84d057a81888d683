import { fileURLToPath } from 'node:url';

/** The program as `npm run build` makes it and as it is published. */
export const publishedProgram = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * The same with what it imports gathered into few files (build.ts). To find and read a thousand of them is a third of what the processor does for a start, and
 * the tests start some four hundred gates and commands.
 */
export const gatheredProgram = fileURLToPath(new URL('../../.gathered/main.js', import.meta.url));

const isTest = process.env['VITEST'] !== undefined;

/** What the tests start. The published program is run by what measures, and in CI by the tests that run on another version of Node. */
export const program =
  isTest && process.env['INTERLOCK_PROGRAM'] !== 'published' ? gatheredProgram : publishedProgram;
