import type { ExecutorAnswer } from '../../src/drill/executor.ts';
import type { Call } from '../../src/scratch/gate-client.ts';
import type { Rig } from '../../src/drill/play.ts';

/** What the gate answers to every call. */
export interface FakeRig {
  readonly status: number;
  readonly body: object;
  /** What the executor says it was sent. */
  readonly sent?: readonly string[];
  readonly onCall?: (as: string, call: Call | undefined) => void;
  readonly onSleep?: (forMs: number) => void;
  readonly onAnswerWith?: (answer: ExecutorAnswer) => void;
}

export const fakeRig = ({ status, body, sent, onCall, onSleep, onAnswerWith }: FakeRig): Rig => ({
  gate: {
    call: async (as, _method, _path, call) => {
      onCall?.(as, call);
      return { status, headers: new Headers(), body, text: '' };
    },
  },
  executor: {
    ...{ url: '', sent: () => sent, received: async () => undefined, close: async () => undefined },
    answerWith: answer => onAnswerWith?.(answer),
  },
  principals: new Set(['bot']),
  nowMs: 0,
  sleep: async forMs => {
    onSleep?.(forMs);
  },
});
