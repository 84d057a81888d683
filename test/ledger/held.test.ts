import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Kind } from '../../src/config/config.ts';
import { Held } from '../../src/ledger/held.ts';
import { host } from '../support/gate-parts.ts';

const kinds = ['host', 'rack-unit'];
const ids = ['h1', 'h2'];
const racks = ['r1', 'r2'];

/** A request is of one kind. */
const anyHold = fc.record({
  kind: fc.constantFrom(...kinds),
  id: fc.constantFrom(...ids),
  request: fc.constantFrom('a', 'b'),
});
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      of: anyHold,
      inService: fc.boolean(),
      rack: fc.constantFrom(...racks),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), of: anyHold }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('done' as const, 'closed' as const), of: anyHold }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), of: anyHold }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer One> ? One : never;

/** What is held, as a list from which all is counted anew. */
class List {
  rows: { kind: string; id: string; requestId: string; operating: boolean }[] = [];
  /** As the inventory had each target when something of it was said last. */
  readonly targets = new Map<string, { readonly inService: boolean; readonly rack: string }>();

  take(step: Step): void {
    const { kind, id } = step.of;
    const requestId = requestIdOf(step.of);
    if (step.do === 'set') {
      this.targets.set(`${kind} ${id}`, step);
      this.#keep(row => row.id !== id || row.requestId !== requestId);
      this.rows.push({ kind, id, requestId, operating: true });
    }
    if (step.do === 'drop') this.#keep(row => row.id !== id || row.requestId !== requestId);
    if (step.do === 'closed') this.#keep(row => row.requestId !== requestId);
    if (step.do === 'forget') this.#keep(row => row.kind !== kind);
    if (step.do === 'done')
      for (const row of this.rows) if (row.requestId === requestId) row.operating = false;
  }

  #keep(isKept: (row: List['rows'][number]) => boolean): void {
    this.rows = this.rows.filter(isKept);
  }

  holdsOn(kind: string, id: string): object[] {
    return this.rows
      .filter(row => row.kind === kind && row.id === id)
      .map(({ requestId, operating }) => ({ requestId, operating }));
  }

  takenOf(kind: string, rack: string): number {
    return ids.filter(id => this.isTaken(kind, id) && this.targets.get(`${kind} ${id}`)?.rack === rack)
      .length;
  }

  isTaken(kind: string, id: string): boolean {
    return this.holdsOn(kind, id).length > 0 && this.targets.get(`${kind} ${id}`)?.inService === true;
  }
}

const requestIdOf = ({ kind, request }: Step['of']): string => `${kind} ${request}`;

function tell(held: Held, step: Step): void {
  const { kind, id } = step.of;
  const requestId = requestIdOf(step.of);
  if (step.do === 'set') {
    const now = { inService: step.inService, labels: { zone: 'z1', rack: step.rack } };
    held.setHold(kind, id, { requestId, action: 'disk.wipe', irreversible: true, operating: true }, now);
  } else if (step.do === 'drop') held.dropHold(kind, id, requestId);
  else if (step.do === 'forget') held.forgetHolds(kind);
  else held.settleHolds(requestId, step.do);
}

const sorted = (holds: readonly object[]): string[] => holds.map(hold => JSON.stringify(hold)).toSorted();

it('what is held and taken is what a list of it says, whatever is set, settled, given back and forgotten', () => {
  const declared = new Map<string, Kind>(kinds.map(name => [name, { ...host, name }]));
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20, size: 'max' }), steps => {
      const held = new Held(declared);
      const list = new List();
      for (const step of steps) {
        tell(held, step);
        list.take(step);
        for (const kind of kinds) {
          for (const id of ids) {
            const holds = [...held.holdsOn(kind, id)].map(({ requestId, operating }) => ({
              requestId,
              operating,
            }));
            expect(sorted(holds)).toEqual(sorted(list.holdsOn(kind, id)));
            expect(held.isTaken(kind, id)).toBe(list.isTaken(kind, id));
          }
          for (const rack of racks) expect(held.takenOf(kind, 'rack', rack)).toBe(list.takenOf(kind, rack));
        }
      }
    }),
    { numRuns: 100 },
  );
});
