import { describe, expect, test } from 'vitest';
import { readEnvironment, UsageError } from '../../src/config/environment.ts';

describe('the environment', () => {
  test.each([
    ['a blank INTERLOCK_CONFIG', { INTERLOCK_CONFIG: '' }],
    ['an INTERLOCK_CONFIG of spaces', { INTERLOCK_CONFIG: '  ' }],
    ['a blank INTERLOCK_LOG', { INTERLOCK_LOG: '' }],
    ['a level that is none', { INTERLOCK_LOG: 'verbose' }],
  ])('is refused with %s', (_, variables) => {
    expect(() => readEnvironment(variables)).toThrow(UsageError);
  });

  test('may say nothing', () => {
    expect(readEnvironment({ HOME: '/root' })).toEqual({});
  });

  test('names the configuration and the log level', () => {
    expect(readEnvironment({ INTERLOCK_CONFIG: 'a.yaml', INTERLOCK_LOG: 'warn' })).toEqual({
      configFile: 'a.yaml',
      logLevel: 'warn',
    });
  });
});
