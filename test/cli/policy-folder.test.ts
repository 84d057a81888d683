import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { policyFolder, shipped } from '../../src/cli/policy-folder.ts';
import { temporaryFolder } from '../config/files.ts';

const files = temporaryFolder();
afterAll(() => files.remove());

test('a checkout of the source builds its own policies where no folder is named', () => {
  expect(policyFolder(undefined)).toBe(shipped.folder);
});

test('a program that is installed does not: what it runs with stays as it is, and who names none is told to', () => {
  const installed = {
    folder: path.dirname(files.write('installed/policies/opa-version', '1.22.2')),
    types: path.join(files.folder, 'installed/src/kit/check-rules.ts'),
  };
  expect(() => policyFolder(undefined, installed)).toThrow(
    /Name their folder, as in interlock policy build FOLDER\. This program is installed/,
  );
  const own = path.dirname(files.write('own/opa-version', '1.22.2'));
  expect(policyFolder(own, installed)).toBe(own);
});

test('a folder whose name is mistyped is none of policies', () => {
  expect(() => policyFolder(files.folder)).toThrow(/holds no opa-version/);
});
