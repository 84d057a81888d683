import { beforeAll, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  hosts,
  until,
  withNothingForwarded,
  type Answer,
  type Body,
} from '../support/api.ts';
import { hostKind, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// src/kill-switch/README.md, docs/running.md "A restart is needed": an action or a kind that is called otherwise from one start to the
// next. Which name became which, nobody tells the gate.

const declared = (action: string, kind = 'host'): Doc => ({
  kinds: { [kind]: hostKind },
  actions: { [action]: { kind, irreversible: true }, 'host.look': { kind } },
});
const on = standing({
  config: declared('disk.wipe'),
  inventory: { host: hosts('disk', 20) },
  script: ({ body }) => ({
    type: 'answer',
    status: body.includes('"disk-003"') ? 500 : body.includes('"disk-005"') ? 202 : 200,
  }),
});

const expectNo = async (answer: Promise<Answer>, status: number, rules: string[]): Promise<Body> => {
  const refused = await withNothingForwarded(on.executor, async () => await answer);
  return await expectRefusal(on.api, refused, status, rules);
};
const logged = (about: Doc): readonly Doc[] =>
  on.gate.logs().filter(line => Object.entries(about).every(([name, value]) => line[name] === value));
const restartAs = async (config: Doc): Promise<void> => {
  on.gate.rewrite({ config });
  await on.gate.restart();
};

let engagedId = '';
/** Which an executor has accepted, and works on. */
let pending = '';

beforeAll(async () => {
  expect((await on.api.submit('disk.wipe', ['disk-001'])).status).toBe(200);
  expect((await on.api.submit('disk.wipe', ['disk-003'])).status).toBe(504);
  pending = (await on.api.submit('disk.wipe', ['disk-005'])).body.id ?? '';
  expect((await on.api.submit('host.look', ['disk-007'])).status).toBe(200);
  const { status, body } = await on.api.engage({ scope: { action: 'disk.wipe' }, reason: 'smoke' });
  expect(status).toBe(201);
  engagedId = body.id ?? '';
  expect(body.on_the_wire).toEqual([pending]);
  await restartAs(declared('disk.erase'));
}, 60_000);

it('a switch on an action that is called otherwise now stops everything, and all that tell of it say why', async () => {
  const body = await expectNo(on.api.submit('disk.erase', ['disk-002']), 423, ['kill_switch.engaged']);
  expect(body.reasons?.[0]?.message).toMatch(
    /is engaged for the action disk\.wipe .*: smoke\. This action is not declared here.*stops everything\.$/,
  );
  await expectNo(on.api.submit('host.look', ['disk-002']), 423, ['kill_switch.engaged']);
  expect((await on.api.get('/v1/kill-switch')).body.engaged).toEqual([
    expect.objectContaining({ id: engagedId, note: expect.stringMatching(/not declared here.*everything/) }),
  ]);
  expect(logged({ kill_switch: engagedId, level: 50 })).toEqual([
    expect.objectContaining({ msg: expect.stringMatching(/of an action that is gone.*stops everything/) }),
  ]);
  const { text } = await on.api.get('/metrics', { as: null });
  expect(text).toContain('interlock_kill_switch_engaged{scope="everything"} 1');
  expect(text).toContain('interlock_kill_switch_engaged{scope="action:disk.wipe"} 1');
  expect((await on.api.release(engagedId)).status).toBe(200);
  await expectDelivered(on.api, await on.api.submit('disk.erase', ['disk-002']));
});

it('a switch on an action lists what is on the wire under a name that is gone', async () => {
  const { status, body } = await on.api.engage({ scope: { action: 'disk.erase' }, reason: 'smoke' });
  expect(status).toBe(201);
  expect(body.on_the_wire).toEqual([pending]);
  expect((await on.api.release(body.id)).status).toBe(200);
});

it('what cannot be undone is not done again under another name', async () => {
  const body = await expectNo(on.api.submit('disk.erase', ['disk-001']), 409, ['targets.already_done']);
  expect(body.reasons?.[0]?.message).toMatch(/^disk\.wipe was done to disk-001 by request /);
  await expectNo(on.api.submit('disk.erase', ['disk-003']), 409, [
    'targets.already_done',
    'targets.in_operation',
  ]);
  await expectNo(on.api.submit('disk.erase', ['disk-005']), 409, ['targets.in_operation']);
  // It may be any action now.
  await expectNo(on.api.submit('host.look', ['disk-001']), 409, ['targets.already_done']);
  await expectDelivered(on.api, await on.api.submit('disk.erase', ['disk-007']));
});

it('what is open under a name that is gone is counted as unknown', async () => {
  const { text } = await on.api.get('/metrics', { as: null });
  const count = (action: string, state: string): string | undefined =>
    new RegExp(`^interlock_operations\\{action="${action}",state="${state}"\\} (.*)$`, 'm').exec(text)?.[1];
  expect(['unknown', 'accepted', 'waiting'].map(state => count('unknown', state))).toEqual(['1', '1', '0']);
  expect(['unknown', 'accepted'].map(state => count('disk.erase', state))).toEqual(['0', '0']);
});

it('the start says what is held under an action that is gone', () => {
  expect(logged({ kind: 'host', action: 'disk.wipe' })).toContainEqual(
    expect.objectContaining({
      ...{ level: 40, targets: 3, in_operation: 2 },
      msg: expect.stringMatching(/^targets are held under an action that is not declared any more/),
    }),
  );
});

it('an outcome of an action that is gone is an operator’s to settle', async () => {
  const report = { status: 'delivered' };
  expect((await on.api.outcome(pending, report, 'worker')).status).toBe(403);
  expect((await on.api.outcome(pending, { ...report, reason: 'seen' }, 'operator')).status).toBe(200);
  await expectNo(on.api.submit('disk.erase', ['disk-005']), 409, ['targets.already_done']);
});

it('the start says what is held under a kind that is gone, for nothing of it stands in the way of another kind', async () => {
  await restartAs(declared('disk.erase', 'machine'));
  const held = await until(
    async () => await Promise.resolve(logged({ kind: 'host', level: 50 })),
    lines => lines.length === 3,
  );
  expect(held.map(({ action, targets, in_operation }) => [action, targets, in_operation])).toEqual([
    ['disk.erase', 2, 0],
    ['disk.wipe', 3, 1],
    ['host.look', 1, 0],
  ]);
  for (const { msg } of held)
    expect(msg).toMatch(/^targets are held under a kind that is not declared any more/);
});
