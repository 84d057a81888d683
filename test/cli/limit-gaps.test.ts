import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { policy as policyAnswer } from '../../src/api/policy-answer.ts';
import { runCheckConfig } from '../../src/cli/check-config.ts';
import { checkPolicy } from '../../src/cli/doctor/policy.ts';
import { runPolicyShow } from '../../src/cli/policy-show.ts';
import type { LimitGaps } from '../../src/config/limit-gaps.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { warnOfLimitGaps } from '../../src/describe-start.ts';
import { readPolicy, toLoaded } from '../../src/load-policy.ts';
import { temporaryFolder } from '../config/files.ts';
import { principal, wideLimits, writeGateFiles, type Doc } from '../support/gate.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// What limits are whole without, and an owner may have overlooked: said by whatever reads them, refused by nothing.

const files = temporaryFolder();
afterAll(() => files.remove());
const config = path.join(files.folder, 'interlock.yaml');

const bare: Doc = { dimensions: ['zone', 'rack'], max_age: '24h', max_shrink: '10%', max_change: '10%' };
const wipe = { irreversible: true };
const like = { like: 'destroy@1' };

function write(kind: Doc, actions: Doc, limits: Doc): void {
  writeGateFiles(files.folder, { config: { kinds: { host: { ...bare, ...kind } }, actions }, limits });
}

async function gapsOf(kind: Doc, actions: Doc, limits: Doc): Promise<LimitGaps> {
  write(kind, actions, limits);
  return (await readPolicy(readConfig(config))).gaps;
}

const aboutOf = async (kind: Doc, entry: Doc): Promise<readonly string[]> =>
  (await gapsOf(kind, { 'disk.wipe': wipe }, { actions: { 'disk.wipe': entry } })).warnings.map(
    ({ about }) => about,
  );

describe('an action like destroy that looks at numbers only is warned of', () => {
  it('where the kind declares no state, and no label that tells what is in use', async () => {
    expect(await aboutOf({}, like)).toEqual(['numbers_only']);
    expect(await aboutOf({ labels: ['owner'], optional: ['environment'] }, like)).toEqual(['numbers_only']);
  });

  it.each<[string, Doc, Doc]>([
    ['a state is declared', { state: { label: 'status', in_service: ['up'] } }, like],
    ['serving is declared', { labels: ['serving'] }, like],
    ['in_use is declared', { optional: ['in_use'] }, like],
    ['what is wiped was set aside before', { optional: ['quarantined_at'] }, like],
    ['the entry asks for a label itself', { labels: ['owner'] }, { ...like, require: { owner: ['lab'] } }],
    ['the entry says that this is meant', {}, { ...like, require: 'any' }],
    ['no profile promises more', {}, wideLimits],
  ])('and not where %s', async (_, kind, entry) => {
    expect(await aboutOf(kind, entry)).toEqual([]);
  });
});

describe('a principal that asks for an action, and on whose word its limits rest', () => {
  const ownWord = async (principals: readonly Doc[]): Promise<readonly string[]> => {
    writeGateFiles(files.folder, {
      config: {
        kinds: { host: bare },
        actions: { 'disk.wipe': {}, 'host.reboot': {} },
        principals,
      },
    });
    const { warnings } = (await readPolicy(readConfig(config))).gaps;
    return warnings.filter(({ about }) => about === 'own_word').map(({ says }) => says);
  };
  const of = ['disk.wipe'];

  it('is warned of where it reports outcomes, or loads the inventory', async () => {
    expect(await ownWord([principal('both', ['requester', 'executor'], of)])).toEqual([
      expect.stringMatching(/^both asks for disk\.wipe and reports what became of it/),
    ]);
    const feeds = [principal('feed', ['requester', 'inventory'], of), principal('cmdb', ['inventory'])];
    expect(await ownWord(feeds)).toEqual([
      expect.stringMatching(/^feed asks for disk\.wipe and loads the inventory of host/),
    ]);
  });

  it('is not where each has its own', async () => {
    expect(
      await ownWord([
        principal('bot', ['requester'], of),
        principal('tool', ['executor'], of),
        principal('cmdb', ['inventory']),
      ]),
    ).toEqual([]);
  });
});

describe('several irreversible actions on one kind', () => {
  const three = { 'disk.wipe': wipe, 'disk.shred': wipe, 'host.reboot': {} };
  const state = { state: { label: 'state', in_service: ['serving'] } };
  const entries = { 'disk.wipe': like, 'disk.shred': like, 'host.reboot': wideLimits };

  it('without a budget over them are warned of, with the line to write', async () => {
    const { warnings } = await gapsOf(state, three, { actions: entries });
    expect(warnings).toEqual([
      {
        ...{ about: 'no_budget', kind: 'host', actions: ['disk.wipe', 'disk.shred'] },
        says: expect.stringContaining('they may do 2 times to host what one of them may'),
        remedy:
          'write `budgets: [{ kind: host, per: fleet, over: 1h, max_share: { share: 1%, at_least: 1 } }, { kind: host, per: fleet, over: 24h, max_share: { share: 5%, at_least: 2 } }]`',
      },
    ]);
  });

  it('are not warned of with a budget, with limits for one of them only, or where one can be taken back', async () => {
    const budgets = [{ kind: 'host', per: 'fleet', over: '1h', max_share: { share: '1%', at_least: 1 } }];
    const { 'disk.shred': _, ...others } = entries;
    const gaps = [
      await gapsOf(state, three, { actions: entries, budgets }),
      await gapsOf(state, three, { actions: others }),
      await gapsOf(
        state,
        { ...three, 'disk.shred': {} },
        { actions: { ...entries, 'disk.shred': wideLimits } },
      ),
    ];
    expect(gaps.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('with limits by number, or by weight alone, are told a line that the file takes', async () => {
    const both = async (entry: Doc): Promise<readonly string[]> => {
      const limits = { actions: { 'disk.wipe': entry, 'disk.shred': entry } };
      const { warnings } = await gapsOf({ ...state, weights: ['traffic'] }, three, limits);
      return warnings.map(({ remedy }) => remedy);
    };
    const windows = [{ per: 'fleet', over: '1h', max_weight: { traffic: '1%' } }];
    expect([...(await both(wideLimits)), ...(await both({ ...wideLimits, windows }))]).toEqual([
      'write `budgets: [{ kind: host, per: fleet, over: 1h, max_targets: 10000000 }]`',
      'write `budgets: [{ kind: host, per: fleet, over: 24h, max_share: { share: 3%, at_least: 2 } }]`',
    ]);
  });
});

describe('a declared dimension that no limit of an action names', () => {
  const unnamedBy = async (entry: Doc, more: Doc = {}): Promise<readonly string[]> => {
    const kind = { ...bare, state: { label: 'state', in_service: ['serving'] }, weights: ['traffic'] };
    const limits = { actions: { 'disk.wipe': { ...wideLimits, ...entry } }, ...more };
    return (await gapsOf(kind, { 'disk.wipe': {} }, limits)).unnamed.flatMap(({ dimensions }) => dimensions);
  };
  const window = { over: '1h', max_targets: 5 };

  it('is listed', async () => {
    expect(await unnamedBy({})).toEqual(['zone', 'rack']);
    expect(await unnamedBy({ max_values: { zone: 1 } })).toEqual(['rack']);
  });

  it.each<[string, Doc, Doc?]>([
    ['max_share', { max_share: { fleet: '5%', rack: '5%' } }],
    ['max_values', { max_values: { rack: 1 } }],
    ['max_per_value', { max_per_value: { rack: 1 } }],
    ['min_remaining', { min_remaining: { rack: 1 } }],
    ['max_weight', { max_weight: { traffic: { fleet: '5%', rack: '5%' } } }],
    [
      'a window',
      {
        windows: [
          { per: 'fleet', ...window },
          { per: 'rack', ...window },
        ],
      },
    ],
    ['a stage', { stages: [{ upto: '1%', max_values: { rack: 1 }, bake: '1h' }, { upto: '100%' }] }],
    ['what it requires', { require: { rack: ['r1'] } }],
    ['a budget of the kind', {}, { budgets: [{ kind: 'host', per: 'rack', ...window }] }],
  ])('is not where %s names it', async (_, entry, more) => {
    expect(await unnamedBy(entry, more)).toEqual(['zone']);
  });
});

describe('all of it', () => {
  const says = /^disk\.wipe is like destroy@1 and limits numbers only.*: declare `state`/;

  it('is said by --check-config, doctor, policy show and the log, each in one sentence', async () => {
    write(
      {},
      { 'disk.wipe': wipe, 'disk.shred': wipe },
      { actions: { 'disk.wipe': like, 'disk.shred': like } },
    );
    const loaded = toLoaded(await readPolicy(readConfig(config)));
    const { gaps } = loaded;
    expect(gaps.warnings.map(one => `${one.says}: ${one.remedy}`)[0]).toMatch(says);

    const checked = recordedTerminal();
    await runCheckConfig({ config, json: false }, checked);
    const shown = recordedTerminal();
    const digest = `sha256:${'0'.repeat(64)}`;
    const policy = async () =>
      await Promise.resolve({
        ...{ revision: digest, digest, active: true, bundle: { revision: 'r', digest }, checks: [] },
        ...{ limits: {}, profiles: [], protected: [], freezes: [], exceptions: [] },
        gaps: policyAnswer.shape.gaps.parse(gaps),
      });
    await runPolicyShow(false, { policy, budgets: async () => await Promise.resolve({ items: [] }) }, shown);
    for (const said of [checked.said.join('\n'), shown.said.join('\n')]) {
      for (const { says: what, remedy } of gaps.warnings) expect(said).toContain(`  ${what}: ${remedy}`);
      expect(said).toContain('  disk.wipe: no limit names: rack\n');
    }
    const { findings } = await checkPolicy(readConfig(config), 0);
    expect(findings).toEqual(
      expect.arrayContaining(
        gaps.warnings.map(one => ({ check: 'limits', status: 'warn', what: one.says, todo: one.remedy })),
      ),
    );
    const { logger, said: logged } = recordedLogger();
    warnOfLimitGaps({ config: readConfig(config), loaded }, logger);
    expect(logged()).toEqual(gaps.warnings.map(one => [40, `${one.says}: ${one.remedy}`]));
  });
});
