import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { loadLimits } from '../src/config/limits-file.ts';
import { readConfig } from '../src/config/read-config.ts';
import { shippedBundle } from './policy/samples.ts';
import { temporaryFolder } from './support/store.ts';
import { hostKind, principal, writeGateFiles } from './support/gate.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const documents = [
  'README.md',
  'src/README.md',
  ...readdirSync(path.join(root, 'src'))
    .map(name => `src/${name}/README.md`)
    .filter(name => existsSync(path.join(root, name))),
  ...readdirSync(path.join(root, 'docs')).map(name => `docs/${name}`),
];

const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gmsu'))].map(([, block = '']) => block);

describe('the limits that docs/limits.md shows', () => {
  const blocks = blocksOf(read('docs/limits.md'), 'yaml');

  it('are there', () => {
    expect(blocks.length).toBeGreaterThan(5);
  });

  it.each(blocks.map((block, at) => [at + 1, block] as const))('are limits: block %i', async (_, block) => {
    const folder = await temporaryFolder();
    writeGateFiles(folder.path, {
      config: {
        kinds: { host: { ...hostKind, weights: ['traffic'] } },
        actions: { 'disk.wipe': {}, 'machine.decommission': {} },
        principals: ['decom-bot', 'oncall-bot'].map(name => principal(name, ['requester'], ['disk.wipe'])),
      },
    });
    const config = readConfig(path.join(folder.path, 'interlock.yaml'));
    const limits = path.join(folder.path, 'limits.yaml');
    writeFileSync(limits, block);
    const { manifests } = await shippedBundle();
    expect(loadLimits(limits, config, manifests)).toHaveProperty('limits.actions');
    await folder.remove();
  });
});

describe('what docs/profiles.md says of a profile', () => {
  const dimensions = z.record(z.string(), z.unknown());
  const profile = z.object({ entry: z.object({ max_share: dimensions, max_values: dimensions }) });
  const named = (limits: Readonly<Record<string, unknown>>): string =>
    Object.keys(limits)
      .filter(name => name !== 'fleet')
      .map(name => `\`${name}\``)
      .join(', ');

  it.each(readdirSync(path.join(root, 'policies/profiles')))('is what it limits: %s', file => {
    const { entry } = profile.parse(parse(read(`policies/profiles/${file}`)));
    const row = `| \`${path.basename(file, '.yaml')}\` | ${named(entry.max_share)} | ${named(entry.max_values)} |`;
    expect(read('docs/profiles.md').split('\n')).toContain(row);
  });
});

it('the README names the versions of Node that npm takes', () => {
  const { node } = z
    .object({ engines: z.object({ node: z.string() }) })
    .parse(JSON.parse(read('package.json'))).engines;
  const [, said = ''] = /You need Node\.js \(([^)]*)\)/u.exec(read('README.md')) ?? [];
  const range = said
    .replaceAll(/\d+ from ([\d.]+)/gu, '^$1.0')
    .replace(/(\d+) and later/u, '>=$1.0.0')
    .replaceAll(/,? or |, /gu, ' || ');
  expect(range).toBe(node);
});

it.each(documents)('the links of %s lead somewhere', name => {
  const links = [...read(name).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/gu)].map(
    ([, link = '']) => link,
  );
  const broken = links.filter(link => !existsSync(path.join(root, path.dirname(name), link)));
  expect(broken).toEqual([]);
});
