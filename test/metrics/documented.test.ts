import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

it('each metric is in the document for operators', () => {
  const folder = new URL('src/metrics/', root);
  const names = readdirSync(folder).flatMap(file =>
    [...readFileSync(new URL(file, folder), 'utf8').matchAll(/name: '(interlock_\w+)'/gu)].map(
      ([, name = '']) => name,
    ),
  );
  expect(names.length).toBeGreaterThan(8);
  const text = readFileSync(new URL('docs/observing.md', root), 'utf8');
  expect(names.filter(name => !new RegExp(`^\\| \`${name}[\`{]`, 'mu').test(text))).toEqual([]);
});
