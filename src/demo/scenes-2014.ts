import { freshId } from '../kit/ids.ts';
import { RETIRED_RACKS } from './fleet.ts';
import { at, listAt, rulesOf, textAt } from '../scratch/gate-client.ts';
import { ask, askAloud, goneDisks, idsWhere, toolCalls, type Asking, type Rig } from './rig.ts';

const [EU_RACK, US_RACK, ASIA_RACK] = RETIRED_RACKS;

/**
 * The inventory comes in: one snapshot, whole or not at all.
 * @throws Error if it does not: then there is no story to tell
 */
export async function loadInventory(rig: Rig, lines: string): Promise<void> {
  const count = rig.fleet.length;
  const reply = await rig.gate.call('cmdb-sync', 'PUT', `/v1/inventory/host?expect=${count}`, {
    text: { type: 'application/x-ndjson', content: lines },
  });
  rig.teller.check(
    `the gate knows ${count.toLocaleString('en')} machines`,
    [reply.status, at(reply.body, 'count')],
    [200, count],
  );
  if (reply.status !== 200)
    throw new Error(`the inventory was not loaded: ${reply.status} ${textAt(reply.body, 'detail')}`);
}

const retirement: Asking = {
  as: 'decom-bot',
  action: 'disk.wipe',
  targets: { selector: { rack: EU_RACK, state: 'decommissioning' }, expect: 40 },
  reason: `rack ${EU_RACK} is retired`,
};

/** A rack is retired properly, and the client that lost the answer asks again. */
export async function retireRack(rig: Rig): Promise<void> {
  const { teller } = rig;
  const asking = { ...retirement, key: freshId() };
  teller.scene('1. A rack of satellites is retired');
  const first = await askAloud(rig, asking);
  teller.check(
    'allowed, and delivered',
    [first.status, at(first.body, 'outcome', 'status')],
    [200, 'delivered'],
  );
  teller.check('the tool was asked once, for 40 machines', await toolCalls(rig, '/wipe'), [40]);
  teller.check(
    `the disks of ${EU_RACK} are gone, and no other`,
    await goneDisks(rig),
    idsWhere(rig, { rack: EU_RACK }),
  );

  teller.scene('2. The answer got lost; the client asks again, with the same key');
  const second = await askAloud(rig, asking);
  teller.check(
    'the recorded answer comes back',
    [second.status, at(second.body, 'id')],
    [200, at(first.body, 'id')],
  );
  teller.check('marked Idempotency-Replayed', second.headers.get('idempotency-replayed'), 'true');
  teller.check('the tool was not asked again', await toolCalls(rig, '/wipe'), [40]);
}

/** The second run of a finished job: in 2014 its empty list meant every machine there was. */
export async function runAgain(rig: Rig): Promise<void> {
  const { teller } = rig;
  teller.scene('3. Somebody runs the whole job a second time');
  teller.say('"What is left to wipe in the rack?" Nothing: the list is empty. The tool behind this gate');
  teller.say('reads an empty list as "no filter", as its model did in 2014: it would wipe everything.');
  const wipe = (targets: unknown): Asking => ({ ...retirement, targets });
  const attempts: [targets: unknown, status: number, rule: string][] = [
    [{ ids: [] }, 422, 'targets.empty'],
    [null, 422, 'targets.empty'],
    [{ selector: {}, expect: rig.fleet.length }, 422, 'targets.empty'],
    [{ ids: ['*'] }, 422, 'targets.wildcard'],
    [{ selector: { region: ['all'] }, expect: rig.fleet.length }, 422, 'targets.wildcard'],
    [{ ids: idsWhere(rig, { rack: EU_RACK }) }, 409, 'targets.already_done'],
  ];
  for (const [targets, status, rule] of attempts) {
    const reply = await askAloud(rig, wipe(targets));
    teller.check(`refused: ${rule}`, [reply.status, rulesOf(reply)], [status, [rule]]);
  }
  teller.say('Somebody goes around the gate, straight to the tool, with the empty list.');
  const around = await fetch(`${rig.tool.url}/wipe`, {
    method: 'POST',
    headers: { 'idempotency-key': freshId(), authorization: 'Bearer of-bad-news' },
    body: JSON.stringify({ targets: [] }),
  });
  teller.check('the tool listens to the gate only', around.status, 401);
  teller.check('the tool was not asked for anything', await toolCalls(rig, '/wipe'), [40]);
}

/** The inventory learns that the retired machines are gone: from now on nobody can name them. */
async function forgetRack(rig: Rig): Promise<void> {
  const content = idsWhere(rig, { rack: EU_RACK })
    .map(id => `${JSON.stringify({ id, removed: true })}\n`)
    .join('');
  const reply = await rig.gate.call('cmdb-sync', 'PATCH', '/v1/inventory/host', {
    text: { type: 'application/x-ndjson', content },
  });
  rig.teller.check(
    `the inventory learns that ${EU_RACK} is gone`,
    [reply.status, at(reply.body, 'removed')],
    [200, 40],
  );
}

/** Every machine of a class, world-wide: what was queued in 2014. */
export async function wholeClass(rig: Rig): Promise<void> {
  const { teller } = rig;
  const satellites = idsWhere(rig, { role: 'satellite' }).length - 40;
  teller.scene('4. The whole class: every satellite in the world');
  await forgetRack(rig);
  const wipe = (targets: unknown): Asking => ({ ...retirement, targets, reason: 'retire what is left' });
  const blind = await askAloud(rig, wipe({ selector: { role: 'satellite' } }));
  teller.check(
    'a selector needs the number one expects',
    [blind.status, rulesOf(blind)],
    [422, ['targets.no_expectation']],
  );
  const wrong = await askAloud(rig, wipe({ selector: { role: 'satellite' }, expect: 40 }));
  teller.check('another number is a no', [wrong.status, rulesOf(wrong)], [422, ['targets.unexpected_count']]);
  const meant = await ask(rig, wipe({ selector: { role: 'satellite' }, expect: satellites }));
  teller.exchange('decom-bot', `disk.wipe {"selector":{"role":"satellite"},"expect":${satellites}}`, meant);
  teller.say(
    `  It would have taken ${satellites} of ${textAt(meant.body, 'blast_radius', 'fleet', 'total')} machines:`,
  );
  for (const region of listAt(meant.body, 'blast_radius', 'region')) {
    const share = (Number(textAt(region, 'share_ppm')) / 10_000).toFixed(1);
    teller.say(
      `    ${textAt(region, 'value').padEnd(5)} ${textAt(region, 'count')} of ${textAt(region, 'total')} (${share} %)`,
    );
  }
  const expected = ['blast_radius.max_targets', 'blast_radius.max_values', 'blast_radius.min_remaining'];
  expected.push('blast_radius.share', 'budget.window', 'labels.not_allowed');
  teller.check('refused, for every reason there is', [meant.status, rulesOf(meant)], [403, expected]);
  teller.check(
    'the answer says what it would have taken',
    at(meant.body, 'blast_radius', 'fleet', 'count'),
    satellites,
  );
  teller.check('the tool was not asked for anything', await toolCalls(rig, '/wipe'), [40]);
}

/** Many small requests, each of them harmless: the window counts them together. */
export async function drip(rig: Rig): Promise<void> {
  const { teller } = rig;
  teller.scene('5. A drip of small requests, five machines each, from another client');
  const ids = [...idsWhere(rig, { rack: US_RACK }), ...idsWhere(rig, { rack: ASIA_RACK })];
  let allowed = 0;
  let last = undefined;
  for (let from = 0; from < ids.length; from += 5) {
    const targets = { ids: ids.slice(from, from + 5) };
    last = await ask(rig, {
      as: 'cleanup-bot',
      action: 'disk.wipe',
      targets,
      reason: 'clean up, bit by bit',
    });
    if (last.status !== 200) break;
    allowed += 1;
  }
  teller.say(
    `${allowed} requests passed, ${allowed * 5} machines; with the rack from before that makes ${allowed * 5 + 40}.`,
  );
  if (last !== undefined) teller.exchange('cleanup-bot', 'disk.wipe for five machines more', last);
  teller.check('twelve passed, the thirteenth did not', [allowed, last?.status], [12, 429]);
  teller.check('stopped by the window', last === undefined ? [] : rulesOf(last), ['budget.window']);
  const retryAfterS = Number(last?.headers.get('retry-after') ?? '0');
  teller.check('told when to try again', retryAfterS > 0 && retryAfterS <= 3_600, true);
  teller.check('exactly 100 disks are gone', (await goneDisks(rig)).length, 100);
}
