import { afterAll, describe, expect, test } from 'vitest';
import { formOf } from '../../src/config/principals.ts';
import { configFolder, GOOD, withChange } from './files.ts';

const files = configFolder();
afterAll(() => files.remove());

const ROLES = 'roles: [requester], ';
const withLabels = (labels: string): string => withChange(ROLES, `${ROLES}labels: ${labels}, `);

describe('labels of a principal are refused', () => {
  test.each([
    ['null', /^30: principals\[0\]\.labels: must be a map of labels/],
    ['{}', /^30: principals\[0\]\.labels: must not be empty/],
    ['[owner]', /^30: principals\[0\]\.labels: must be a map of labels/],
    ['team-a', /^30: principals\[0\]\.labels: must be a map of labels/],
    ['{ owner: [team-a] }', /^30: principals\[0\]\.labels\.owner: must be a value/],
    ['{ owner: "" }', /^30: principals\[0\]\.labels\.owner: must be a value/],
    ['{ owner: "*" }', /^30: principals\[0\]\.labels\.owner: must be a value/],
    ['{ owner: any }', /^30: principals\[0\]\.labels\.owner: must be a value/],
    ['{ owner: null }', /^30: principals\[0\]\.labels\.owner: must be a value/],
    ['{ owner: 1 }', /^30: principals\[0\]\.labels\.owner: must be a value/],
    [
      '{ owne: team-a }',
      /^30: principals\[0\]\.labels\.owne: no kind declares the label "owne" \(did you mean "owner"\?\)/,
    ],
    ['{ id: team-a }', /^30: principals\[0\]\.labels/],
  ])('when they are %s', (labels, problem) => {
    const problems = files.problemsOf(withLabels(labels));
    expect(
      problems.some(one => problem.test(one)),
      problems.join('\n'),
    ).toBe(true);
  });

  test('but nothing is said of them where a kind cannot be read', () => {
    const problems = files.problemsOf(withLabels('{ elsewhere: a }').replace('max_age: 24h', 'max_age: 24'));
    expect(problems).toEqual([expect.stringMatching(/kinds\.host\.max_age/)]);
  });
});

test('labels of a principal are kept, and absent where there are none', () => {
  const { principals } = files.read(withLabels('{ owner: team-a, zone: "eu/1" }'));
  expect(principals[0]?.labels).toEqual({ owner: 'team-a', zone: 'eu/1' });
  expect(principals[1]).not.toHaveProperty('labels');
});

test('a principal is another one with other labels, and the same with its roles and actions in another order', () => {
  const form = (text: string, at: number): string | undefined => {
    const principal = files.read(text).principals[at];
    return principal && formOf(principal);
  };
  const [labelled, other, bare] = ['{ owner: team-a }', '{ owner: team-b }', undefined].map(labels =>
    form(labels === undefined ? GOOD : withLabels(labels), 0),
  );
  expect(new Set([labelled, other, bare]).size).toBe(3);
  const turned = GOOD.replace('[disk.wipe, machine.reboot]', '[machine.reboot, disk.wipe]').replace(
    '[operator, auditor]',
    '[auditor, operator]',
  );
  expect(turned).not.toBe(GOOD);
  for (const at of [0, 2]) expect(form(turned, at)).toBe(form(GOOD, at));
});
