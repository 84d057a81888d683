import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from './support/store.ts';

vi.setConfig({ testTimeout: 120_000 });

const root = fileURLToPath(new URL('..', import.meta.url));

interface SourceFile {
  /** From the package's root, with slashes. */
  readonly name: string;
  readonly text: string;
}

const filesBelow = (folder: string, pattern: RegExp): SourceFile[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(name => path.posix.join(folder, name.split(path.sep).join('/')))
    .filter(name => pattern.test(name))
    .map(name => ({ name, text: readFileSync(path.join(root, name), 'utf8') }));

const source = filesBelow('src', /\.ts$/);

/** Lines of code, without comments that are lines of their own. */
const codeOf = (file: SourceFile): string =>
  file.text
    .split('\n')
    .filter(line => !/^\s*(\/\/|\/?\*)/.test(line))
    .join('\n');

const holding = (pattern: RegExp, files: readonly SourceFile[] = source): string[] =>
  files.filter(file => pattern.test(codeOf(file))).map(file => file.name);

const wordsOf = (file: SourceFile): ReadonlySet<string> => new Set(codeOf(file).match(/\w+/g));

const reportSchema = z.object({
  summary: z.object({
    violations: z.array(z.object({ rule: z.object({ name: z.string() }) })),
  }),
});

/** The rules of this house that `src` below a folder breaks, as dependency-cruiser finds them. */
function brokenRules(folder: string): Set<string> {
  const program = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = path.join(folder, '.dependency-cruiser.cjs');
  const ran = spawnSync(process.execPath, [program, '--config', config, '--output-type', 'json', 'src'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  const { summary } = reportSchema.parse(JSON.parse(ran.stdout));
  return new Set(summary.violations.map(({ rule }) => rule.name));
}

describe('who knows whom', () => {
  it('is checked by rules that bite', async () => {
    const folder = await temporaryFolder();
    for (const name of ['tsconfig.json', 'package.json', '.dependency-cruiser.cjs'])
      cpSync(path.join(root, name), path.join(folder.path, name));
    symlinkSync(path.join(root, 'node_modules'), path.join(folder.path, 'node_modules'));
    const bad: Readonly<Record<string, string>> = {
      'db/store.ts': 'export interface Store { readonly a: 1 }',
      'app.ts': 'export const app = 1;',
      'kill-switch/kill-switch.ts': 'export interface Switch { readonly a: 1 }',
      'ledger/ledger.ts': `
        import type { Switch } from '../kill-switch/kill-switch.ts';
        export const ledger: [Switch?] = [];`,
      'targets/target-set.ts': 'export interface Target { readonly a: 1 }',
      'validate/one.ts': `
        import express from 'express';
        import { Kysely } from 'kysely';
        import { request } from 'undici';
        import { Pool } from 'pg';
        import type { Target } from '../targets/target-set.ts';
        import { nothing } from '../kit/nowhere.ts';
        import { two } from './two.ts';
        import fc from 'fast-check';
        import { app } from '../app.ts';
        export const one = [express, Kysely, request, Pool, nothing, two, fc, app];
        export type T = Target;`,
      'validate/two.ts': `
        import type { one } from './one.ts';
        import type { Store } from '../db/store.ts';
        export const two: readonly [typeof one, Store?][] = [];`,
      'kit/three.ts': `import type { Store } from '../db/store.ts'; export type S = Store;`,
      'forward/four.ts': `import { ledger } from '../ledger/ledger.ts'; export const four = ledger;`,
    };
    for (const [name, text] of Object.entries(bad)) {
      const file = path.join(folder.path, 'src', name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const broken = brokenRules(folder.path);
    await folder.remove();
    expect([...broken].toSorted()).toEqual([
      'forward-takes-a-permit',
      'home-of-express',
      'home-of-kysely',
      'home-of-pg',
      'home-of-undici',
      'kit-knows-no-room',
      'no-cycles',
      'no-dev-dependencies',
      'no-unresolved',
      'pure-rooms-stay-pure',
      'rooms-do-not-wire',
      'steps-know-nothing-beside',
      'validate-knows-nothing-later',
    ]);
  });
});

describe('each thing with one home', () => {
  it.each<[string, RegExp, RegExp]>([
    ['process.env', /process\s*\.\s*env|process\[['"]env/, /^src\/(config\/|main\.ts$)/],
    [
      'the clocks',
      /Date\s*\.\s*now|new Date\(\)|performance\s*\.\s*now|hrtime|performance\.timeOrigin/,
      /^src\/kit\/clock\.ts$/,
    ],
    ['randomness', /random(UUID|Bytes|Int|Fill)|Math\s*\.\s*random|getRandomValues/, /^src\/kit\//],
    ['opa-wasm', /opa-wasm/, /^src\/policy\//],
    ['SQL', /\bsql(<[^`]*>)?`/, /^src\/(db|ledger)\/|[/-]queries\.ts$/],
    ['fetch', /(?<![\w'"`])fetch\b/, /^src\/(forward|demo|scratch|cli|policy|client)\//],
    ['WebAssembly', /\bWebAssembly\s*\./, /^src\/policy\//],
  ])('keeps %s there', (_, pattern, at) => {
    const found = holding(pattern);
    expect(found.filter(name => !at.test(name))).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
  });

  it('makes the JSON of commands where it is made printable', () => {
    const commands = source.filter(({ name }) => name.startsWith('src/cli/'));
    expect(holding(/JSON\s*\.\s*stringify/, commands)).toEqual([
      // Said through `printable`, line by line.
      'src/cli/audit-show.ts',
      // Never said: two are the same where their texts are.
      'src/cli/policy-lines.ts',
      'src/cli/printable.ts',
    ]);
  });
});

describe('the files', () => {
  it('are there', () => {
    expect(source.length).toBeGreaterThan(50);
  });

  it('have at most 400 lines, but for what is made and read by nobody from end to end', () => {
    const written = source.filter(file => !file.text.startsWith('// Made by '));
    expect(written.length).toBeGreaterThan(source.length - 5);
    expect(written.filter(file => file.text.split('\n').length > 400).map(file => file.name)).toEqual([]);
  });

  it('are named in kebab-case, after one thing, and never after what everything is', () => {
    const names = [...source, ...filesBelow('test', /\.ts$/)].map(file => file.name);
    expect(names.filter(name => !/^[a-z0-9/.-]+\.ts$/.test(name))).toEqual([]);
    expect(
      names.filter(name => /(^|[/-])(index|utils?|helpers?|manager|service|misc|common)\.ts$/.test(name)),
    ).toEqual([]);
    expect(
      holding(
        /\b(class|interface|type|const|function) \w*(Manager|Helper|Utils?|Service)\b(?<!InService|inService)/,
      ),
    ).toEqual([]);
  });

  it('export by name, and nothing of other files but types', () => {
    expect(holding(/^export default/m)).toEqual([]);
    expect(holding(/^export \*/m)).toEqual([]);
    expect(holding(/^export \{[^}]*\} from/m)).toEqual([]);
  });

  it('export what another file uses, a test among them', () => {
    const all = [...source, ...filesBelow('test', /\.ts$/)].map(file => ({
      name: file.name,
      words: wordsOf(file),
    }));
    const exported = source.flatMap(file =>
      [...file.text.matchAll(/^export (?:async )?(?:const|class|function\*?) (\w+)/gm)].map(
        ([, word = '']) => ({
          file: file.name,
          word,
        }),
      ),
    );
    expect(exported.length).toBeGreaterThan(source.length);
    expect(
      exported.filter(({ file, word }) => !all.some(({ name, words }) => name !== file && words.has(word))),
    ).toEqual([]);
  });

  it('make what a step gives in one place, and call its maker in one', () => {
    const steps = [
      [/\bvalidated\(/, 'src/validate/validate.ts'],
      [/\btargetSet\(/, 'src/targets/resolve.ts', 'src/targets/target-set.ts'],
      [/\bblastRadius\(/, 'src/blast-radius/blast-radius.ts', 'src/ledger/facts.ts'],
      [/\bnew Claimed\(/, 'src/ledger/claim.ts'],
      [/\.becomeDurable\(/, 'src/ledger/ledger.ts'],
      [/\bissuePermit\(/, 'src/ledger/claim.ts', 'src/ledger/permit.ts'],
    ] as const;
    for (const [maker, ...files] of steps) expect(new Set(holding(maker))).toEqual(new Set(files));
  });

  it('silence no compiler', () => {
    expect(holding(/@ts-(ignore|expect-error|nocheck)/)).toEqual([]);
  });
});

describe('the documents of the rooms', () => {
  const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');

  it('are each led to by that of the house', () => {
    const documents = filesBelow('src', /\/README\.md$/).map(({ name }) => name.slice('src/'.length));
    const [, list = ''] = /^Reasons that cross rooms\.(.*)$/m.exec(read('src/README.md')) ?? [];
    const led = [...list.matchAll(/\(([a-z-]+\/README\.md)\)/g)].map(([, name = '']) => name);
    expect(led.toSorted()).toEqual(documents.filter(name => name.includes('/')).toSorted());
  });

  it('give their reasons in one place', () => {
    const twice = filesBelow('src', /\/README\.md$/).filter(
      ({ text }) => text.split('## Why it is so').length > 2,
    );
    expect(twice.map(({ name }) => name)).toEqual([]);
  });

  it.each(['intake', 'ledger', 'policy'])(
    'name every file of a room that has many, and no other: %s',
    room => {
      const [, table = ''] = /^## Files\n(.*?)^## /msu.exec(read(`src/${room}/README.md`)) ?? [];
      const named = [...table.matchAll(/`([\w.-]+\.ts)`/g)].map(([, name = '']) => name);
      const files = filesBelow(`src/${room}`, /\.ts$/).map(({ name }) => path.posix.basename(name));
      expect(named.toSorted()).toEqual(files.toSorted());
    },
  );
});

describe('the root', () => {
  it('holds only what a newcomer expects, and dot files', () => {
    const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    });
    const names = new Set(tracked.split('\n').map(name => name.split('/')[0] ?? ''));
    const expected = new Set([
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'deploy',
      'src',
      'policies',
      'migrations',
      'test',
      // Pages for users, one a subject; the README leads to them.
      'docs',
    ]);
    expect([...names].filter(name => name !== '' && !name.startsWith('.') && !expected.has(name))).toEqual(
      [],
    );
    expect([...expected].filter(name => !names.has(name))).toEqual([]);
  });

  it('pins every dependency exactly, and is tested on the oldest and on the newest Node that it names', () => {
    const manifest = z
      .object({
        dependencies: z.record(z.string(), z.string()),
        devDependencies: z.record(z.string(), z.string()),
        engines: z.object({ node: z.string() }),
      })
      .parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(readFileSync(path.join(root, '.npmrc'), 'utf8')).toContain('engine-strict=true');
    const majors = [...manifest.engines.node.matchAll(/(?:\^|>=)(\d+)\.\d+\.\d+/g)].map(([, major]) => major);
    expect(majors).toEqual(['20', '22', '24']);
    expect(readFileSync(path.join(root, '.node-version'), 'utf8')).toMatch(new RegExp(`^${majors[0]}\\.`));
    expect(readFileSync(path.join(root, '.ci/run'), 'utf8')).toContain(`node@${majors.at(-1)} `);
  });
});
