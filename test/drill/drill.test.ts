import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { readCorpus } from '../../src/drill/read-case.ts';
import { scoreOf } from '../../src/drill/result.ts';
import type { JsonObject } from '../../src/kit/strict-json.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createEvaluator, defaultBounds, type Evaluator } from '../../src/policy/evaluator.ts';
import { shippedBundle } from '../policy/samples.ts';
import { holdDrill, type HeldDrill } from './held-drill.ts';
import { markdownCard } from './markdown-card.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let held: HeldDrill;
let bundle: Bundle;
let evaluator: Evaluator;
beforeAll(async () => {
  held = await holdDrill();
  bundle = await shippedBundle();
  const data = { ...bundle.data, limits: held.limits as unknown as JsonObject };
  evaluator = createEvaluator(bundle.module, data, defaultBounds);
  // A gate that makes its database, and forty cases: seconds, but many of them where the processor is everybody's.
}, 300_000);

describe('the published incidents', () => {
  it('are all stopped by the rule that is named, and each done properly is allowed', () => {
    const bad = held.results.filter(
      ({ verdict, twin }) =>
        !['not_seen', 'approval'].includes(verdict) && (verdict !== 'stopped' || twin !== 'allowed'),
    );
    expect(bad).toEqual([]);
    expect(scoreOf(held.results)).toMatchObject({ failed: 0, untold: 0 });
    expect(held.results.length).toBeGreaterThan(35);
  });

  it('are told with their source, and those that no gate sees with the sentence why', () => {
    for (const { name, source, trial } of readCorpus(`${root}test/drill/cases`)) {
      expect(source, name).toBeDefined();
      if (trial.kind !== 'trial') expect(trial.why.length, name).toBeGreaterThan(20);
    }
  });

  it('are known to no check and no profile: nothing that decides has a name of theirs', () => {
    const names = new Set(readCorpus(`${root}test/drill/cases`).map(({ name }) => name.replace(/-.*/, '')));
    const texts = readdirSync(`${root}policies`, { recursive: true, encoding: 'utf8' })
      .filter(file => /\.(rego|yaml)$/.test(file))
      .map(file => readFileSync(`${root}policies/${file}`, 'utf8').toLowerCase());
    expect(texts.length).toBeGreaterThan(30);
    expect([...names].filter(name => texts.some(text => text.includes(name)))).toEqual([]);
  });

  it('are on the score card of the README as they came out', () => {
    const readme = readFileSync(`${root}README.md`, 'utf8');
    const card = markdownCard(held.results);
    expect(readme, 'npm run score-card makes it').toContain(card);
  });
});

interface Answer {
  readonly checks: Readonly<Record<string, boolean>>;
  readonly reasons: readonly { readonly rule: string }[];
}

/** What the policy says of what it was last asked in a case, with one check taken out of it. */
function withoutCheck(name: string, rules: ReadonlySet<string>, drillCase: string): Answer {
  const facts = held.refused.get(drillCase);
  if (facts === undefined) throw new Error(`${drillCase} was not refused by the policy`);
  const [{ result }] = evaluator.evaluate(facts) as [{ result: Answer }];
  const { [name]: _, ...checks } = result.checks;
  return { checks, reasons: result.reasons.filter(({ rule }) => !rules.has(rule)) };
}

describe('each check that ships', () => {
  const casesOf = (rules: ReadonlySet<string>) =>
    held.results.filter(
      ({ verdict, expected }) => verdict === 'stopped' && expected !== undefined && rules.has(expected),
    );

  it('is named by a case: without it the drill fails, for only the named rule scores', () => {
    const unnamed = bundle.manifests.filter(({ rules }) => casesOf(new Set(Object.keys(rules))).length === 0);
    // An exception stops nothing: without its check nothing is loosened. What it lets through is in test/contract/exceptions.test.ts.
    expect(unnamed.map(({ name }) => name)).toEqual(['exceptions']);
  });

  it('stands alone, or has others beside it that would stop its cases too', () => {
    const alone = bundle.manifests.filter(({ name, rules }) => {
      const own = new Set(Object.keys(rules));
      return casesOf(own).some(({ name: drillCase }) => {
        const { checks, reasons } = withoutCheck(name, own, drillCase);
        return reasons.length === 0 && Object.values(checks).every(Boolean);
      });
    });
    // With one of these gone, what a case stopped would be done. The others stand in several rows, a list of targets as a number and as shares.
    expect(alone.map(({ name }) => name)).toEqual([
      ...['freezes', 'match', 'max_in_flight', 'max_requests', 'protected', 'require', 'require_age'],
      ...['require_evidence', 'require_plan', 'require_recent', 'stages', 'windows'],
    ]);
  });
});
