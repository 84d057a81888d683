import { at, listAt, rulesOf, textAt, type Reply } from '../scratch/gate-client.ts';
import { ask, askAloud, idsWhere, toolCalls, until, type Asking, type Rig } from './rig.ts';

const reboot = (rig: Rig, from: number): Asking => ({
  as: 'maintenance-bot',
  action: 'machine.reboot',
  targets: { ids: idsWhere(rig, { rack: 'us-2-r20' }).slice(from, from + 5) },
  reason: 'new kernel',
});

const outcomeOf = async (rig: Rig, id: string): Promise<unknown> =>
  at((await rig.gate.call('oncall', 'GET', `/v1/requests/${id}`)).body, 'outcome', 'status');

const rebootsBegun = (rig: Rig, count: number): Promise<boolean> =>
  until(async () => (await toolCalls(rig, '/reboot')).length >= count);

/** One call by one person, after which nothing more leaves the gate; and its release. */
export async function killSwitch(rig: Rig): Promise<void> {
  const { teller } = rig;
  teller.scene('6. Three reboots are under way or waiting when somebody pulls the switch');
  const onItsWay = await askAloud(rig, { ...reboot(rig, 0), prefer: 'respond-async' });
  teller.check('the first is on the wire', await rebootsBegun(rig, 1), true);
  const waiting = [
    await askAloud(rig, { ...reboot(rig, 5), prefer: 'respond-async' }),
    await askAloud(rig, { ...reboot(rig, 10), prefer: 'respond-async' }),
  ];
  const idOf = (reply: Reply): string => textAt(reply.body, 'id');
  const stopped = waiting.map(idOf).toSorted();

  const engaged = await rig.gate.call('oncall', 'POST', '/v1/kill-switch', {
    json: { reason: 'machines are vanishing; stop everything first' },
  });
  teller.exchange('oncall', 'POST /v1/kill-switch', engaged, 'engaged, for everything');
  teller.check('one call by one person is enough', engaged.status, 201);
  teller.check('it says what is on the wire', listAt(engaged.body, 'on_the_wire'), [idOf(onItsWay)]);
  teller.check('and what it stopped', listAt(engaged.body, 'stopped').map(String).toSorted(), stopped);
  const tried: Asking[] = [
    {
      as: 'decom-bot',
      action: 'disk.wipe',
      targets: { ids: idsWhere(rig, { rack: 'asia-2-r05' }).slice(-1) },
      reason: 'just this one',
    },
    reboot(rig, 15),
  ];
  for (const asking of tried) {
    const reply = await askAloud(rig, { ...asking, prefer: 'respond-async' });
    const seen = [reply.status, rulesOf(reply).includes('kill_switch.engaged')];
    teller.check(`nothing passes for ${asking.as}`, seen, [423, true]);
  }
  rig.tool.finishReboots();
  const ended = await until(async () => (await outcomeOf(rig, idOf(onItsWay))) === 'delivered');
  teller.check('what was on the wire came to its end: delivered', ended, true);
  teller.check('the tool was never asked for the others', await toolCalls(rig, '/reboot'), [5]);

  await release(rig, textAt(engaged.body, 'id'), stopped);
}

async function release(rig: Rig, switchId: string, stopped: readonly string[]): Promise<void> {
  const { teller } = rig;
  teller.scene('7. It was understood; the switch is released');
  const released = await rig.gate.call('oncall', 'POST', `/v1/kill-switch/${switchId}/release`, {
    json: { reason: 'the job that ran twice is off' },
  });
  teller.exchange('oncall', 'POST /v1/kill-switch/{id}/release', released, 'released');
  teller.check('released, with a reason', released.status, 200);
  const asked = ask(rig, reboot(rig, 15));
  await rebootsBegun(rig, 2);
  rig.tool.finishReboots();
  const reply = await asked;
  teller.exchange('maintenance-bot', 'machine.reboot for five other machines', reply);
  teller.check('work goes on', [reply.status, at(reply.body, 'outcome', 'status')], [200, 'delivered']);
  const outcomes = await Promise.all(stopped.map(id => outcomeOf(rig, id)));
  teller.check('what was stopped stays stopped', outcomes, ['stopped', 'stopped']);
  teller.check('the tool rebooted twice five machines', await toolCalls(rig, '/reboot'), [5, 5]);
}

/** What somebody sees who was not there. */
export async function auditor(rig: Rig): Promise<void> {
  const { teller } = rig;
  teller.scene('8. What the auditor sees');
  const found = await rig.gate.call('oncall', 'GET', '/v1/requests?decision=refused&limit=1000');
  const items = listAt(found.body, 'items');
  for (const item of items.toReversed()) {
    const rules = new Set(listAt(item, 'reasons').map(reason => textAt(reason, 'rule')));
    const count = textAt(item, 'targets', 'count');
    const what = `${textAt(item, 'principal').padEnd(16)} ${textAt(item, 'action').padEnd(15)} ${count.padStart(5)}`;
    teller.say(`${textAt(item, 'decided_at').slice(11, 19)}  ${what}  ${[...rules].join(', ')}`);
  }
  const ids = items.map(item => textAt(item, 'id')).toSorted();
  teller.check(
    `all ${rig.refused.size} refusals are on record, and no other`,
    ids,
    [...rig.refused].toSorted(),
  );
  await auditTrail(rig);
  const budgets = await rig.gate.call('oncall', 'GET', '/v1/budgets');
  const window = listAt(budgets.body, 'items').find(
    item =>
      at(item, 'action') === 'disk.wipe' &&
      at(item, 'per') === 'fleet' &&
      at(item, 'rule') === 'budget.window',
  );
  teller.check('the window of disk.wipe is full', [at(window, 'used'), at(window, 'limit')], [100, 100]);
}

const NOTHING_BEFORE = `sha256:${'0'.repeat(64)}`;

/** The trail is one chain: numbered without a gap, each entry naming the one before. */
async function auditTrail(rig: Rig): Promise<void> {
  const { teller } = rig;
  const trail = await rig.gate.call('oncall', 'GET', '/v1/audit', {
    headers: { accept: 'application/x-ndjson' },
  });
  const entries = trail.text
    .split('\n')
    .filter(line => line !== '')
    .map((line): unknown => JSON.parse(line));
  const counts = new Map<string, number>();
  for (const entry of entries)
    counts.set(textAt(entry, 'type'), (counts.get(textAt(entry, 'type')) ?? 0) + 1);
  teller.say(`audit trail: ${[...counts].map(([type, count]) => `${count} × ${type}`).join(', ')}`);
  const broken = entries.findIndex((entry, i) => {
    const before = i === 0 ? NOTHING_BEFORE : textAt(entries[i - 1], 'hash');
    return at(entry, 'seq') !== i + 1 || at(entry, 'prev') !== before;
  });
  teller.check(
    `its ${entries.length} entries are one chain, without a gap`,
    [broken, entries.length > 0],
    [-1, true],
  );
}
