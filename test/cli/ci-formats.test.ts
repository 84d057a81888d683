import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { annotation, withoutCommands } from '../../src/cli/github-annotation.ts';
import { junitXml, type PreflightFound } from '../../src/cli/junit.ts';
import { printable } from '../../src/cli/printable.ts';

// What others write (targets, reasons, messages of a gate) stands in files that a CI reads, and must stay text there.

/** Reads JUnit files with the parser of Python's library, and gives all that they say. */
const READER = `
import json, sys
import xml.etree.ElementTree as tree
read = []
for text in json.load(sys.stdin):
    root = tree.fromstring(text.encode('utf-8'))
    suites = [[s.attrib, [[c.attrib, [[e.tag, e.attrib] for e in c]] for c in s]] for s in root]
    read.append([root.tag, root.attrib, suites, ''.join(root.itertext()).strip()])
json.dump(read, sys.stdout)
`;

type Attributes = Readonly<Record<string, string>>;
type Case = readonly [Attributes, readonly (readonly [string, Attributes])[]];
type Read = readonly [string, Attributes, readonly (readonly [Attributes, readonly Case[]])[], string];

function readAll(documents: readonly string[]): readonly Read[] {
  const ran = spawnSync('python3', ['-c', READER], { input: JSON.stringify(documents), encoding: 'utf8' });
  expect(ran.stderr).toBe('');
  const read: readonly Read[] = JSON.parse(ran.stdout);
  return read;
}

const hasPython = spawnSync('python3', ['--version']).status === 0;

const HOSTILE = [
  '</failure></testcase><testcase name="x"/>',
  ']]>',
  '<![CDATA[x]]>',
  '<!DOCTYPE a [<!ENTITY b "c">]>&b;',
  '&lt;&amp;&#0;&#x1b;',
  `"'\`=<>`,
  '\u0000\u0001\u0008\u000b\u001b[2J\u007f\u0085\u009b',
  'a\nb\r\nc\td',
  '\ufeff\ufffe\uffff\ud800x\udc00\u{1f4a3}\u202e',
  '--><!-- -- -->',
  '<?xml version="1.1"?>',
  '',
];

/** As a terminal shows it; the two characters that XML has no way to write at all are replaced. */
const shown = (text: string): string => printable(text).replaceAll(/[\ufffe\uffff]/g, '\ufffd');

const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...HOSTILE, 'a', ' ', '%', ':', '\ud83d')).map(parts => parts.join('')),
);

describe.skipIf(!hasPython)('a verdict as JUnit XML', () => {
  test('says to a real parser what was said, whatever stands in it, and nothing more', () => {
    const verdict: fc.Arbitrary<PreflightFound> = fc.record(
      {
        what: hostileText,
        refusals: fc.array(fc.record({ rule: hostileText, message: hostileText }), { maxLength: 4 }),
        fault: hostileText,
      },
      { requiredKeys: ['what', 'refusals'] },
    );
    const verdicts: readonly PreflightFound[] = [
      ...HOSTILE.map(text => ({ what: text, refusals: [{ rule: text, message: text }] })),
      ...HOSTILE.map(text => ({ what: text, refusals: [], fault: text })),
      ...fc.sample(verdict, 300),
    ];
    const read = readAll(verdicts.map(junitXml));
    expect(read).toHaveLength(verdicts.length);
    for (const [at, { what, refusals, fault }] of verdicts.entries()) {
      const cases =
        fault !== undefined
          ? [['verdict', [['error', { message: shown(fault) }]]]]
          : refusals.length === 0
            ? [['verdict', []]]
            : refusals.map(({ rule, message }) => [
                shown(rule),
                [['failure', { type: shown(rule), message: shown(message) }]],
              ]);
      const [tag, , suites, text] = read[at] ?? [];
      expect({ tag, text, suites: suites?.length }).toEqual({ tag: 'testsuites', text: '', suites: 1 });
      const [suite, found] = suites?.[0] ?? [];
      expect(suite?.['name']).toBe(shown(what));
      expect(found?.map(([attributes, inside]) => [attributes['name'], inside])).toEqual(cases);
    }
  });

  test('counts what it holds, so that a fault is never a run without failures', () => {
    const counts = ({ tests, failures, errors }: Attributes) => ({ tests, failures, errors });
    const no = { rule: 'a.b', message: 'no' };
    const read = readAll(
      [{ refusals: [no, no] }, { refusals: [no, no], fault: 'away' }, { refusals: [] }].map(one =>
        junitXml({ what: 'x', ...one }),
      ),
    );
    expect(read.map(([, attributes]) => counts(attributes))).toEqual([
      { tests: '2', failures: '2', errors: '0' },
      { tests: '1', failures: '0', errors: '1' },
      { tests: '1', failures: '0', errors: '0' },
    ]);
    for (const [, attributes, [suite]] of read) expect(counts(suite?.[0] ?? {})).toEqual(counts(attributes));
  });
});

/** As the runner of GitHub Actions reads a line of a job: `::NAME KEY=VALUE,…::DATA`. Undefined for what is no command. */
function readCommand(line: string) {
  // The form of old, anywhere in a line.
  const [, old] = /##\[([^\]]*)\]/.exec(line) ?? [];
  if (old !== undefined && !line.startsWith('::')) return { name: old };
  if (!line.trimStart().startsWith('::')) return undefined;
  const end = line.indexOf('::', 2);
  if (end < 0) return undefined;
  const info = line.slice(2, end);
  const space = info.indexOf(' ');
  const name = space < 0 ? info : info.slice(0, space);
  const properties = (space < 0 ? '' : info.slice(space + 1)).split(',').map(pair => {
    const equals = pair.indexOf('=');
    return [
      pair.slice(0, equals),
      unescapeData(
        pair
          .slice(equals + 1)
          .replaceAll('%3A', ':')
          .replaceAll('%2C', ','),
      ),
    ];
  });
  return { name, properties: Object.fromEntries(properties), data: unescapeData(line.slice(end + 2)) };
}

const readLines = (text: string) =>
  text.split(/\r\n|[\r\n]/).flatMap(line => readCommand(line.replace(/^[\s\u0085]+/, '')) ?? []);

const unescapeData = (text: string): string =>
  text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');

describe('an annotation for GitHub Actions', () => {
  const text = fc.oneof(
    hostileText,
    fc.constantFrom(
      '%0A::warning::x',
      '\n::stop-commands::x',
      'a::b',
      'file=x,line=1',
      '%25',
      '%253A',
      '100 %',
    ),
  );

  test('is one command on one line, whose title and text are what was said', () => {
    fc.assert(
      fc.property(text, text, (title, message) => {
        const line = annotation(title, message);
        expect(line.split(/[\r\n\u0085\u2028\u2029]/)).toHaveLength(1);
        expect(readCommand(line)).toEqual({
          name: 'error',
          properties: { title: printable(title) },
          data: printable(message),
        });
      }),
    );
  });
});

describe('what is said in a job of GitHub Actions', () => {
  const part = fc.oneof(
    hostileText,
    fc.constantFrom('::', ':', ' ', '\u0085', '\u00a0', '\n', '##[', '#', ']', 'error'),
  );
  const text = fc.array(part, { maxLength: 6 }).map(parts => parts.join(''));

  test('is no command, whatever stands in it', () => {
    for (const hostile of ['::error title=x::y', ' \t::add-mask::y', 'a\n::stop-commands::t', 'b ##[error]c'])
      expect(readLines(hostile)).toHaveLength(1);
    fc.assert(
      fc.property(text, said => {
        expect(readLines(withoutCommands(said))).toEqual([]);
      }),
    );
  });

  test('is the same to whoever reads it as JSON', () => {
    const json = fc.oneof(text, fc.dictionary(text, text)).map(value => JSON.stringify(value));
    fc.assert(
      fc.property(json, said => {
        expect(JSON.parse(withoutCommands(said))).toEqual(JSON.parse(said));
      }),
    );
  });
});
