import type { Principal } from '../config/config.ts';
import { refuse, type Refusal } from '../kit/refusal.ts';
import { countAsMadeAt } from './accept-queries.ts';
import type { LockedTurn } from './turn.ts';

/**
 * An operator says that the database's time is right. The chain goes on from there, even backwards, and what carries a
 * later time counts as made now. Runs alone: every gate reads the entry, takes the database's time as agreed, and reads its book anew.
 */
export async function acceptClock(
  turn: LockedTurn,
  reason: string,
  by: Principal,
): Promise<object | Refusal> {
  if (!turn.clockJumped) {
    return refuse({
      rule: 'request.conflict',
      message:
        'The clock of this gate and that of the database agree: there is no jump to accept here. Each gate holds its own clock against it: ask the gate that answered clock.jumped, by its own address.',
    });
  }
  const was = turn.draft.at;
  await countAsMadeAt(turn.tx, { acceptedMs: turn.databaseMs, version: turn.draft.version });
  turn.draft.acceptTime(turn.databaseMs);
  const body = {
    accepted_ms: turn.databaseMs,
    accepted: turn.draft.at,
    was,
    reason,
    by: by.name,
    version: turn.draft.version,
  };
  const entry = turn.draft.append('clock', body);
  return { seq: entry.seq, at: entry.at, accepted: body.accepted, was, reason, by: by.name };
}
