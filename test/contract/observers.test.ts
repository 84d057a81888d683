import { expect, it } from 'vitest';
import { expectDelivered, expectRefusal, hosts, withNothingForwarded } from '../support/api.ts';
import { principal, principalsFor, wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// Evidence is what another party saw, and a party that is none any more lets nothing through.

const actions = ['proof.push'];
const config = (more: readonly Doc[]): Doc => ({
  actions: { 'proof.push': {} },
  principals: [
    ...principalsFor(actions).filter(({ name }) => name !== 'observer'),
    principal('standing-observer', ['observer']),
    ...more,
  ],
});
const limits: Doc = {
  actions: { 'proof.push': { ...wideLimits, require_evidence: [{ name: 'canary', max_age: '24h' }] } },
};
const seer = principal('seer', ['requester', 'observer'], actions);
const on = standing({
  config: config([principal('observer', ['observer']), seer]),
  limits,
  inventory: { host: hosts('h', 10) },
});
const artifact = (digit: string): string => `sha256:${digit.repeat(64)}`;
const say = async (as: string, of: string, status = 'passed'): Promise<void> => {
  const said = await on.api.post('/v1/evidence', { artifact: of, name: 'canary', status }, { as });
  expect(said.status, said.text).toBe(201);
};
const submit = async (of: string, as = 'bot') =>
  await on.api.submit('proof.push', ['h-001'], { fields: { artifact: of }, as });
const expectNo = async (of: string, rule: string, as?: string): Promise<void> => {
  const answer = await withNothingForwarded(on.executor, () => submit(of, as));
  await expectRefusal(on.api, answer, 403, [rule]);
};

it('evidence of who was taken out, or is no observer any more, lets nothing through; a failure stands', async () => {
  for (const each of ['a', 'b']) await say('observer', artifact(each));
  await say('seer', artifact('c'));
  await say('standing-observer', artifact('d'));
  await say('observer', artifact('d'), 'failed');
  // What it said after its failure is not believed once it is gone, and so takes nothing back.
  await say('standing-observer', artifact('e'));
  await say('observer', artifact('e'), 'failed');
  await say('observer', artifact('e'));
  await expectDelivered(on.api, await submit(artifact('e')));
  await expectDelivered(on.api, await submit(artifact('a')));
  await expectNo(artifact('c'), 'evidence.missing', 'seer');
  await expectNo(artifact('d'), 'evidence.failed');
  // The same key under another name, and a role that is gone.
  const renamed = { ...seer, name: 'seer-v2' };
  on.gate.rewrite({ config: config([principal('observer', ['auditor']), renamed]), limits });
  await on.gate.restart();
  await expectNo(artifact('b'), 'evidence.missing');
  await expectNo(artifact('c'), 'evidence.missing', 'seer');
  await expectNo(artifact('d'), 'evidence.failed');
  await expectNo(artifact('e'), 'evidence.failed');
  await say('standing-observer', artifact('b'));
  await expectDelivered(on.api, await submit(artifact('b')));
});
