import { createHash, timingSafeEqual } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { asError, codeOf } from '../kit/fault.ts';
import { parseJson } from '../kit/parse-json.ts';
import { diskFile, remainingDisks } from './fleet.ts';

/** One call that was let in and is not a repeat. */
export interface ToolCall {
  readonly path: string;
  readonly request: string;
  readonly targets: number;
}

interface ToolAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Bodies over this are not read, bytes. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

export interface DecommissionTool {
  readonly server: Server;
  /** What it was asked to do, in order, repeats left out. */
  calls(): readonly ToolCall[];
  /** Lets every reboot that is under way end. */
  finishReboots(): void;
}

/**
 * A decommission tool as one finds them: it does what it is told, at once, for good. `POST /wipe` deletes the files that stand for the
 * targets' disks; `POST /reboot` answers when the machines are up again.
 *
 * DANGEROUS, and kept so for the demo: like its model of 2014 it reads an empty list of targets as "no filter" and wipes everything.
 * Two things stand before that: it only listens to the holder of its own key, and the gate that holds it never sends an empty list.
 */
export function createDecommissionTool(disksFolder: string, key: string): DecommissionTool {
  const calls: ToolCall[] = [];
  /** By idempotency key: a repeat waits for, and gets, the first answer. */
  const answers = new Map<string, Promise<ToolAnswer>>();
  let rebooting: (() => void)[] = [];

  const act = async (path: string, request: string, targets: readonly string[]): Promise<ToolAnswer> => {
    calls.push({ path, request, targets: targets.length });
    if (path === '/reboot') {
      await new Promise<void>(resolve => rebooting.push(resolve));
      return { status: 200, body: { rebooted: targets.length } };
    }
    const chosen = targets.length === 0 ? [...(await remainingDisks(disksFolder))] : targets;
    return { status: 200, body: { wiped: await wipe(disksFolder, chosen) } };
  };

  const answer = async (request: IncomingMessage): Promise<ToolAnswer> => {
    const path = request.url ?? '';
    if (!holdsKey(request, key)) return no(401, 'this tool listens to the gate only');
    if (request.method === 'GET' && path === '/calls') return { status: 200, body: { calls } };
    if (request.method !== 'POST' || (path !== '/wipe' && path !== '/reboot')) return no(404, 'no such call');
    const idempotencyKey = request.headers['idempotency-key'];
    if (typeof idempotencyKey !== 'string') return no(400, 'Idempotency-Key is missing');
    const targets = readTargets(await readBody(request));
    if (targets === undefined) return no(400, 'targets must be a list of machine names');
    const first = answers.get(idempotencyKey) ?? act(path, idempotencyKey, targets);
    answers.set(idempotencyKey, first);
    return await first;
  };

  const server = createServer((request, response) => {
    answer(request).then(
      said => send(response, said),
      (thrown: unknown) => send(response, no(500, asError(thrown).message)),
    );
  });
  return {
    server,
    calls: () => [...calls],
    finishReboots() {
      for (const finish of rebooting) finish();
      rebooting = [];
    },
  };
}

const no = (status: number, error: string): ToolAnswer => ({ status, body: { error } });

/** Deletes these machines' disks; says how many there were. */
async function wipe(disksFolder: string, ids: readonly string[]): Promise<number> {
  let wiped = 0;
  for (const id of ids) {
    await unlink(diskFile(disksFolder, id)).then(
      () => (wiped += 1),
      // Gone already is as good as done; anything else the caller must know.
      (thrown: unknown) => {
        if (!isAbsence(thrown)) throw asError(thrown);
      },
    );
  }
  return wiped;
}

const isAbsence = (thrown: unknown): boolean => codeOf(thrown) === 'ENOENT';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

const holdsKey = (request: IncomingMessage, key: string): boolean =>
  timingSafeEqual(digestOf(request.headers.authorization ?? ''), digestOf(`Bearer ${key}`));

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The names of the machines, which are also names of files: nothing but lower-case letters, digits and dashes. */
function readTargets(body: string): string[] | undefined {
  const parsed = parseJson(body);
  if (typeof parsed !== 'object' || parsed === null || !('targets' in parsed)) return undefined;
  const { targets } = parsed;
  if (!Array.isArray(targets)) return undefined;
  const names = targets.filter(
    (one): one is string => typeof one === 'string' && /^[a-z0-9-]{1,64}$/.test(one),
  );
  return names.length === targets.length ? names : undefined;
}

function send(response: ServerResponse, { status, body }: ToolAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
