import { describe, expect, test } from 'vitest';
import { isMatchAll, saysNothing } from '../../src/validate/match-all.ts';

const fullWidth = (text: string): string =>
  text.replaceAll(/[!-~]/g, one => String.fromCodePoint((one.codePointAt(0) ?? 0) + 0xfee0));

const plain = [
  ...[
    '*',
    '**',
    '***',
    '*.*',
    '**/*',
    '/*',
    '/**',
    './*',
    '*/',
    '*:*',
    '"*"',
    "'*'",
    '`*`',
    '[*]',
    '{*}',
    '-*',
    '?*',
  ],
  ...['%', '%%', '_%', '%_%', "'%'"],
  ...[
    '.*',
    '^.*$',
    '^.*',
    '.*$',
    '.*?',
    '(.*)',
    '^(.*)$',
    '(?:.*)',
    '(?s).*',
    '(?i:.*)',
    '\\A.*\\z',
    '.{0,}',
  ],
  ...[
    '.+',
    '^.+$',
    '(.+)',
    '^(?:.+)$',
    '.+?',
    '.{1,}',
    '[\\s\\S]*',
    '[\\S\\s]+',
    '[\\w\\W]*',
    '[^]*',
    '\\S+',
  ],
  ...[
    '/',
    '//',
    '///',
    '.',
    '..',
    './',
    '../',
    '/.',
    '/./',
    '/..',
    '../..',
    '\\',
    '\\\\',
    '.\\',
    '/\\',
    '\\*',
    '\\\\*',
  ],
  ...['C:\\', 'c:/', 'c:\\\\', 'C:\\*', 'c:/*', 'C:\\*.*', 'C:\\Windows\\..'],
  ...['/srv/..', '/srv/../', '/srv/app/../..', '/srv/../*', 'srv/..', '/../srv/./..', '\\srv\\..\\*'],
  ...[
    '${ROOT}/*',
    '${ROOT}/',
    '"$ROOT/"*',
    '$ROOT/*',
    '%ROOT%\\*',
    '{{ root }}/**',
    '${A}${B}/.',
    '/${ROOT}/..',
    '${{ env.ROOT }}/',
    '$(ROOT)/*',
    '$(dirname $0)/..',
    ...[
      's3://*',
      'gs://**',
      'file:///',
      'file:///C:/',
      '\\\\?\\C:\\*',
      's3://',
      'https://*/*',
      's3://${BUCKET}/*',
      'S3://srv/..',
    ],
  ],
  ...['"$ROOT"/', '"${ROOT}"/*', "'/'", '"/srv"/..', '“/”', '"C:"\\', '"0.0.0.0/0"', "'::/0', '0/0'"],
  ...['0.0.0.0/0, ::/0', '0.0.0.0/0 ::/0', '::/0;0.0.0.0/0', '/,', '/ , *', '.*,%', '0/0\n::/0'],
  ...['0.0.0.0/0', '::/0', '0/0', '0::/0', '0:0:0:0:0:0:0:0/0', '[::]/0', '0.0.0.0/00', '10.0.0.0/0'],
  ...['0.0.0.0/0.0.0.0', '::FFFF:0.0.0.0/0'],
];

describe('a text stands for everything', () => {
  test.each(plain)('as %j', text => {
    expect(isMatchAll(text)).toBe(true);
    expect(isMatchAll(` ${text}\n`)).toBe(true);
    expect(isMatchAll(`\u200b${text}\u2060`)).toBe(true);
  });

  test.each(['*', '.*', '/', '%', '0.0.0.0/0', '::/0', '..', '\\'])('in full width, as %j', text => {
    expect(isMatchAll(fullWidth(text))).toBe(true);
  });

  test.each([
    ...[
      '\u2217',
      '\u204e',
      '\u066d',
      '\u2731',
      '\u22c6',
      '\uff0a',
      '\ufe61',
      '\u2605',
      '\ua673',
      '\u{1031f}',
    ],
    ...[
      '\u2215',
      '\u2044',
      '\u29f8',
      '\uff0f',
      '\u2216',
      '\uff3c',
      '\ufe68',
      '\u2024',
      '\u2025',
      '\u2026',
      '\u3002',
    ],
    ...[
      '\uff05',
      '\ufe6a',
      '\u066a',
      '*\ufe0f\u20e3',
      '*\u0332',
      '* *',
      '. *',
      '/ \u00a0/',
      '\u2236\u2236/0',
    ],
    ...['\u0660.\u0660.\u0660.\u0660/\u0660', '\uff0e\u2217'],
  ])('as what only looks like it: %j', text => {
    expect(isMatchAll(text)).toBe(true);
  });

  test('however long it is', () => {
    expect(isMatchAll('0/0 '.repeat(250_000))).toBe(true);
    expect(isMatchAll(`${'/a'.repeat(800)}${'/..'.repeat(800)}`)).toBe(true);
    expect(isMatchAll('/'.repeat(1_000_000))).toBe(true);
    expect(isMatchAll(`${' '.repeat(1_000_000)}*`)).toBe(true);
    expect(isMatchAll('*'.repeat(100_000))).toBe(true);
    expect(isMatchAll(`*${'\u{1031f}'.repeat(100_000)}`)).toBe(true);
  });

  test.each(['\u200b', '\u2060', '\u00ad', '\u0301', '\u2800', '\0', '\u{e0001}'])(
    'however much of %j stands before it, or within',
    unseen => {
      const much = unseen.repeat(5_000);
      for (const text of ['*', '"*"', '.*', '/', '0.0.0.0/0'])
        expect(isMatchAll(`${much}${text.split('').join(much)}`)).toBe(true);
      expect(isMatchAll(`${much}a${much}*`)).toBe(false);
    },
  );
});

describe('a text names something', () => {
  test.each([
    ...[
      'a',
      '0',
      '-',
      '+',
      '#',
      '?',
      '~',
      'all',
      'any',
      'é',
      '漢',
      '1.5',
      '-1',
      '1/2',
      'eu/1',
      '1/0',
      'true',
    ],
    ...[
      'prod-*',
      '*.example.com',
      'web*',
      '%web%',
      '/var',
      './x',
      '/a/*',
      '..x',
      'C:\\data',
      '.gitignore',
      '50%',
    ],
    ...[
      '^web.*$',
      '.*x',
      '[a-z]+',
      'a.+',
      '10.0.0.0/8',
      '::1/128',
      '0.0.0.0',
      '::',
      '0.0.0.0/32',
      'fe80::/10',
    ],
    ...['$HOME', '${ROOT}', '${ROOT}/var', '%TEMP%', '{{root}}/x/*', '$1/*', 'a$ROOT/*'],
    ...['/srv/../etc', '/srv/..x', '/a/b/..', '1..5', '../x', 'C:\\data\\..\\x', 'D:'],
    ...['0.0.0.0/0, 10.0.0.0/8', '/, /srv', 'a, *', ',', ';;', ', ,'],
    ...['s3://bucket/*', 'file:///srv', 'file:///C:/data', '$(hostname)-1', '$(ROOT)', '$(ROOT)/var'],
    ...['https://example.com/', '2026-11-28T00:00:00Z', '--', '<>', '=', '::/01', '0.0.0.0/10'],
  ])('as %j', text => {
    expect(isMatchAll(text)).toBe(false);
  });

  test('and a megabyte of it takes no time', () => {
    const began = performance.now();
    for (const text of [
      'a'.repeat(1e6),
      '('.repeat(1e6),
      `${'^('.repeat(5e5)}x`,
      '\ufdfa'.repeat(1e6),
      '${'.repeat(5e5),
      '/..a'.repeat(2e5),
      `${'0/0,'.repeat(63)}a`,
      '%a'.repeat(5e5),
    ])
      expect(isMatchAll(text)).toBe(false);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

test.each([
  '',
  ' ',
  '\t\n',
  '\u00a0',
  '\u200b',
  '\u2060\ufeff',
  '\u3164',
  '\u00ad',
  '\u2800',
  '\0',
  '\u180e',
  '\u0301',
  '""',
  "''",
  ' ` ` ',
])('%j says nothing', text => {
  expect(saysNothing(text)).toBe(true);
  expect(saysNothing(`${text}a`)).toBe(false);
});
