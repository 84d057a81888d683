import { describe, expect, test } from 'vitest';
import { configFileOf, readEnvironment, UsageError } from '../../src/config/environment.ts';

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

  test('is asked for the configuration where no option names it, and a blank option is told', () => {
    const variables = { INTERLOCK_CONFIG: 'of-environment.yaml' };
    expect(configFileOf('named.yaml', variables)).toBe('named.yaml');
    expect(configFileOf(undefined, variables)).toBe('of-environment.yaml');
    expect(configFileOf(undefined, {})).toBe('./interlock.yaml');
    for (const blank of ['', ' ']) expect(() => configFileOf(blank, variables)).toThrow(UsageError);
  });
});
