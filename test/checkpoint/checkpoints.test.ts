import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readCheckpointLine } from '../../src/audit/checkpoint-line.ts';
import {
  checkpointLine,
  judgeCheckpoint,
  publicKeyName,
  parseCheckpoint,
  signCheckpoint,
  type ChainHead,
  type Checkpoint,
} from '../../src/checkpoint/checkpoint.ts';
import { Checkpoints } from '../../src/checkpoint/checkpoints.ts';
import { nameOf, parseRestored } from '../../src/checkpoint/restored.ts';
import { judgeStepBack, parseStepBack, signStepBack, stepBackLine } from '../../src/checkpoint/step-back.ts';
import { makeSigningKey } from '../../src/checkpoint/signing-key.ts';
import { StoreRefused } from '../../src/db/store-refused.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { FileThreads } from '../../src/kit/file-threads.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/store.ts';

let folder: TemporaryFolder;
let file = '';
beforeEach(async () => {
  folder = await temporaryFolder();
  file = path.join(folder.path, 'checkpoints.ndjson');
});
afterEach(async () => {
  vi.useRealTimers();
  await folder.remove();
});

/** A chain as a database would hold it: the hash of each entry, from the first. */
class FakeChain {
  hashes: string[] = [];
  away = false;
  grow(count: number, history = 'a'): void {
    for (let step = 0; step < count; step += 1) this.hashes.push(sha256(`${history}${this.hashes.length}`));
  }
  readonly read = async (seq: number) => {
    if (this.away) throw new Error('the database is away');
    const head = { seq: this.hashes.length, hash: this.hashes.at(-1) ?? 'none' };
    return await Promise.resolve({ head, hashAt: seq === 0 ? undefined : this.hashes[seq - 1] });
  };
}

const clock = { wallMs: () => Date.parse('2026-11-22T15:04:05.678Z'), monotonicMs: () => 0 };
/** Has no room for what is written as the `nth`. */
class FullDisk extends FileThreads {
  #left: number;
  constructor(nth: number) {
    super();
    this.#left = nth;
  }
  override async hold<T>(work: () => Promise<T>, held: string): Promise<T> {
    this.#left -= 1;
    if (this.#left === 0) throw new Error('no room');
    return await super.hold(work, held);
  }
}

async function open(
  chain: Pick<FakeChain, 'read'>,
  known: () => ChainHead | undefined = () => undefined,
  threads = new FileThreads(),
) {
  const { logger, said } = recordedLogger();
  const looks: boolean[] = [];
  const onLook = (isWritten: boolean): void => void looks.push(isWritten);
  const readChain = chain.read;
  const checkpoints = await Checkpoints.open({ file, readChain, known, onLook, threads, clock, logger });
  return {
    checkpoints,
    looks,
    said: () => said().map(([level, message]) => `${level} ${message.split(':')[0]}`),
  };
}
/** A gate that runs, whose time is the test's. */
async function started({ isAway = false } = {}) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  const chain = new FakeChain();
  const gate = await open(chain);
  chain.away = isAway;
  if (isAway) await gate.checkpoints.look();
  gate.checkpoints.start();
  return { chain, ...gate, pass: async (ms: number) => await vi.advanceTimersByTimeAsync(ms) };
}
const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []);
const written = (): Checkpoint[] => lines().flatMap(line => parseCheckpoint(line) ?? []);
const seqs = (): number[] => written().map(({ seq }) => seq);

/** A gate that ran before, and signed entry `seq` last. */
async function ranBefore(seq: number): Promise<FakeChain> {
  const chain = new FakeChain();
  chain.grow(seq);
  const { checkpoints } = await open(chain);
  await checkpoints.close();
  return chain;
}

describe('checkpoints', () => {
  it('are none before the first entry', async () => {
    const { checkpoints, said } = await open(new FakeChain());
    await checkpoints.anchor();
    await checkpoints.look();
    await checkpoints.close();
    expect(existsSync(file)).toBe(false);
    expect(said()).toEqual([]);
  });

  it('are written when the head moved, and at the end, and each is good', async () => {
    const chain = new FakeChain();
    const { checkpoints } = await open(chain);
    chain.grow(3);
    await checkpoints.look();
    await checkpoints.look();
    chain.grow(2);
    await checkpoints.look();
    chain.grow(1);
    await checkpoints.close();
    expect(seqs()).toEqual([3, 5, 6]);
    const publicKey = createPublicKey(readFileSync(`${file}.pub`, 'utf8'));
    for (const one of written()) {
      expect(judgeCheckpoint(one, publicKey)).toBe('good');
      expect([one.hash, one.at]).toEqual([chain.hashes[one.seq - 1], '2026-11-22T15:04:05.678Z']);
    }
  });

  it('are said not to be written while whatever they wait for hangs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { checkpoints, looks, said } = await open({ read: async () => await new Promise(() => undefined) });
    void checkpoints.look();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([looks, said()]).toEqual([[false], ['50 no checkpoint is written']]);
  });

  it('are written every minute, and no more after the end', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const chain = new FakeChain();
    const { checkpoints } = await open(chain);
    checkpoints.start();
    chain.grow(1);
    vi.advanceTimersByTime(59_999);
    await checkpoints.look();
    expect(seqs()).toEqual([1]);
    chain.grow(1);
    vi.advanceTimersByTime(1);
    await vi.waitFor(() => expect(seqs()).toEqual([1, 2]));
    await checkpoints.close();
    chain.grow(1);
    vi.advanceTimersByTime(120_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(seqs()).toEqual([1, 2]);
  });

  it('are tried again after 5 s where a look failed, until one succeeds, and then every minute', async () => {
    const { chain, looks, said, pass, checkpoints } = await started();
    await pass(60_000);
    chain.away = true;
    await pass(60_000);
    expect(looks).toEqual([true, false]);
    await pass(4_999);
    expect(looks).toHaveLength(2);
    await pass(1);
    await pass(5_000);
    expect(looks).toEqual([true, false, false, false]);
    chain.away = false;
    await pass(5_000);
    expect(looks.at(-1)).toBe(true);
    await pass(44_999);
    expect(looks).toHaveLength(5);
    await pass(1);
    expect(looks.slice(4)).toEqual([true, true]);
    expect(said()).toEqual(['50 no checkpoint is written', '30 checkpoints are written again']);
    await checkpoints.close();
  });

  it('are tried again after 5 s also where the look failed before the first minute, or was asked for', async () => {
    const { chain, looks, pass, checkpoints } = await started({ isAway: true });
    await pass(5_000);
    expect(looks).toEqual([false, false]);
    chain.away = false;
    await pass(5_000);
    chain.away = true;
    await checkpoints.look();
    await checkpoints.look();
    expect(looks).toEqual([false, false, true, false, false]);
    await pass(5_000);
    expect(looks).toHaveLength(6);
    await checkpoints.close();
  });

  it('are not tried again after the end, whether the last look fails or one is under way', async () => {
    const { chain, looks, pass, checkpoints } = await started();
    chain.away = true;
    await pass(60_000);
    const underWay = checkpoints.look();
    await checkpoints.close();
    await underWay;
    expect(vi.getTimerCount()).toBe(0);
    const count = looks.length;
    await pass(120_000);
    expect(looks).toHaveLength(count);
  });

  it('that cannot be written are said once, end nothing, and go on when they can', async () => {
    const chain = new FakeChain();
    const { checkpoints, looks, said } = await open(chain);
    mkdirSync(file);
    chain.grow(1);
    await checkpoints.look();
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written']);
    rmSync(file, { recursive: true });
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written', '30 checkpoints are written again']);
    expect(looks).toEqual([false, false, true]);
    expect(seqs()).toEqual([1]);
  });

  it('are not written of a database that went behind while the gate ran', async () => {
    const chain = new FakeChain();
    const { checkpoints, said } = await open(chain);
    chain.grow(5);
    await checkpoints.look();
    chain.hashes.length = 3;
    await checkpoints.look();
    chain.grow(4, 'other');
    await checkpoints.close();
    expect(seqs()).toEqual([5]);
    expect(said()).toEqual(['50 no checkpoint is written']);
  });

  it.each([
    ['lacks it', (chain: FakeChain) => void (chain.hashes.length = 3)],
    ['is away', (chain: FakeChain) => void (chain.away = true)],
  ])('are written of what the gate has seen recorded, also where the database %s', async (_title, change) => {
    const chain = new FakeChain();
    let known: ChainHead | undefined;
    const { checkpoints } = await open(chain, () => known);
    chain.grow(2);
    await checkpoints.look();
    chain.grow(3);
    known = { seq: 5, hash: chain.hashes[4] ?? '' };
    change(chain);
    await checkpoints.look();
    await checkpoints.close();
    expect(seqs()).toEqual([2, 5]);
    expect(written()[1]?.hash).toBe(known.hash);
    chain.away = false;
    chain.hashes.length = 3;
    const { checkpoints: next } = await open(chain);
    await expect(next.anchor()).rejects.toThrow('the database ends with entry 3');
  });

  it('are not lost with half a line that a crash left', async () => {
    const chain = await ranBefore(2);
    appendFileSync(file, '{"at":"2026-11-22T15:');
    chain.grow(1);
    const { checkpoints, said } = await open(chain);
    await checkpoints.anchor();
    await checkpoints.close();
    expect(said()).toEqual(['40 lines that are no checkpoints are passed over']);
    expect(lines()).toHaveLength(3);
    expect(seqs()).toEqual([2, 3]);
  });
});

describe('a start', () => {
  it('in a folder that takes no key goes on, says so once, and makes it when it can', async () => {
    file = path.join(folder.path, 'later', 'checkpoints.ndjson');
    const chain = new FakeChain();
    const { checkpoints, said } = await open(chain);
    await checkpoints.anchor();
    chain.grow(1);
    await checkpoints.begin();
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written']);
    mkdirSync(path.dirname(file));
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written', '30 checkpoints are written again']);
    expect(seqs()).toEqual([1]);
  });

  const start = async (chain: FakeChain, said?: number | string): Promise<number | undefined> => {
    const { checkpoints } = await open(chain);
    return await checkpoints.anchor(said === undefined ? undefined : parseRestored(String(said)));
  };
  /** A gate that runs until the chain is so long. */
  const runUntil = async (chain: FakeChain, ...lengths: readonly number[]): Promise<void> => {
    for (const length of lengths) {
      chain.grow(length - chain.hashes.length, 'other');
      const { checkpoints } = await open(chain);
      await checkpoints.close();
    }
  };

  it('goes on with the same database, and with one that is ahead', async () => {
    const chain = await ranBefore(5);
    await start(chain);
    chain.grow(2);
    await start(chain);
    expect(seqs()).toEqual([5]);
  });

  it.each([
    ['lacks entries', 3, 0, 'the database ends with entry 3'],
    ['is empty', 0, 0, 'the database ends with entry 0'],
    ['has another entry there', 4, 1, 'entry 5 of the database is another one'],
    ['has another history, and is longer', 4, 9, 'entry 5 of the database is another one'],
  ])('is refused if the database %s, also behind half a line', async (_title, kept, grown, sentence) => {
    const chain = await ranBefore(5);
    appendFileSync(file, '{"at":"20');
    chain.hashes.length = kept;
    chain.grow(grown, 'other');
    await expect(start(chain)).rejects.toThrow(StoreRefused);
    await expect(start(chain)).rejects.toThrow(sentence);
    expect(seqs()).toEqual([5]);
  });

  it.each([
    [
      'that ends with what it signed last of it',
      [5, 9],
      5,
      0,
      'start once with `serve --restored 5`, set right',
    ],
    ['that ends between two', [5, 9], 7, 0, 'start once with `serve --restored 7` (if another gate was'],
    [
      'that another gate may have added to',
      [5, 9],
      5,
      2,
      'on this copy before: with the entry with which the',
    ],
    [
      'that another gate may have added to',
      [5, 9],
      5,
      2,
      'was started on this copy: from 5 to 7, as its log',
    ],
    ['that another gate has added to', [5, 9], 6, 3, 'start once with `serve --restored ENTRY`, where ENTRY'],
    ['that another gate has added to', [5, 9], 6, 30, 'was started on this copy: from 5 to 8, as its log'],
    [
      'that another gate has added to, between two',
      [5, 7, 9],
      6,
      2,
      'was started on this copy: from 5 to 6, as',
    ],
    ['that can end with one entry only', [5, 6, 9], 5, 30, 'start once with `serve --restored 5`, set right'],
    ['that is empty', [5, 9], 0, 0, 'start once with `serve --restored 0`, set right'],
  ])('says with which entry to go on from a copy %s', async (_title, signed, kept, grown, sentence) => {
    const chain = new FakeChain();
    await runUntil(chain, ...signed);
    chain.hashes.length = kept;
    chain.grow(grown, 'third');
    await expect(start(chain)).rejects.toThrow(sentence);
  });

  it.each<[string, string | undefined]>([
    ['is gone', undefined],
    ['is empty', ''],
    ['holds something else', 'hello\n'],
  ])(
    'whose file %s beside the key that signed it believes no entry, until the key is moved',
    async (_, text) => {
      const chain = await ranBefore(5);
      rmSync(file);
      if (text !== undefined) writeFileSync(file, text);
      await expect(start(chain)).rejects.toThrow(
        /holds no checkpoint, .* ends with entry 5, .* Put the file back\. If it is lost, make the kill file, move .*\.key and .*\.pub elsewhere and keep them, start once with `serve --restored 5`/s,
      );
      // Not even the one with which the database ends: the same copy may have been put back again.
      for (const said of [2, 5, 6])
        await expect(start(chain, said)).rejects.toThrow(
          `--restored ${said} was said, and nothing shows of which loss. If it is lost, make the kill file, move`,
        );
      expect(seqs()).toEqual([]);
      for (const one of ['key', 'pub']) rmSync(`${file}.${one}`);
      const { checkpoints, said } = await open(chain);
      // What waits is in doubt whatever is said: nothing shows where the copy ended.
      expect(await checkpoints.anchor({ entry: 2 })).toBe(5);
      expect(said().at(-1)).toBe(
        '40 the database has a history, and this gate has signed nothing that the entry could be compared with',
      );
      await checkpoints.begin();
      expect(seqs()).toEqual([5]);
      // Also at a start that is told nothing, after one that was killed before it doubted what waits.
      expect(await start(chain)).toBe(5);
    },
  );

  it('with a key and no checkpoint has signed, also where the database is empty', async () => {
    await makeSigningKey(file);
    for (const said of [undefined, 0]) {
      await expect(start(new FakeChain(), said)).rejects.toThrow('what it signed is lost');
      const { checkpoints } = await open(new FakeChain());
      await expect(checkpoints.expectEmpty(said === undefined ? undefined : { entry: said })).rejects.toThrow(
        'the database, which ends with entry 0',
      );
    }
  });

  it('on a history of which it has signed nothing says that it cannot tell, and signs it', async () => {
    const chain = new FakeChain();
    chain.grow(4);
    const { checkpoints, said } = await open(chain);
    expect(await checkpoints.anchor()).toBeUndefined();
    expect(said()).toEqual(['40 the database has a history, and this gate has signed nothing of it']);
    await checkpoints.begin();
    expect(seqs()).toEqual([4]);
    expect(await start(chain)).toBeUndefined();
  });

  it('goes on from no entry with which the copy cannot end, and signs nothing then', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 5, 9, 12);
    chain.hashes.length = 6;
    chain.grow(24, 'third');
    const before = readFileSync(file, 'utf8');
    for (const entry of [4, 9, 11, 12, 30, 31])
      await expect(start(chain, entry)).rejects.toThrow(
        `--restored ${entry} was said, and the copy ends with an entry from 5 to 8. If it is lost`,
      );
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await start(chain, 8)).toBe(8);
  });

  /** A gate that signs one entry after the other while it runs: more than is read at a start. */
  const signEach = async (chain: FakeChain, until: number): Promise<void> => {
    const { checkpoints } = await open(chain);
    while (chain.hashes.length < until) {
      chain.grow(1, 'later');
      await checkpoints.look();
    }
  };

  it.each([0, 3])(
    'holds an entry of an earlier copy against last night’s, hundreds of checkpoints later, with %d entries of others on it',
    async grown => {
      const chain = new FakeChain();
      await runUntil(chain, 4, 9);
      chain.hashes.length = 4;
      expect(await start(chain, 4)).toBe(4);
      await runUntil(chain, 24);
      await signEach(chain, 800);
      chain.hashes.length = 27;
      chain.grow(grown, 'third');
      await expect(start(chain, 4)).rejects.toThrow(
        '--restored 4 was said, and the copy ends with entry 27. If it is lost',
      );
      expect(await start(chain, 27)).toBe(27);
    },
  );

  it('finds what the copy holds behind hundreds of checkpoints, where others have added hundreds of entries to it', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 5, 24);
    await signEach(chain, 800);
    chain.hashes.length = 5;
    chain.grow(1_200, 'third');
    await expect(start(chain, 3)).rejects.toThrow(
      '--restored 3 was said, and the copy ends with an entry from 5 to 23. If it is lost',
    );
  });

  it('is refused where the entries are there and the head has not come to them: a restore failed in the middle', async () => {
    const chain = await ranBefore(5);
    const { checkpoints } = await open({
      read: async (seq: number) => ({ ...(await chain.read(seq)), head: { seq: 0, hash: 'none' } }),
    });
    await expect(checkpoints.anchor()).rejects.toThrow('the database ends with entry 0');
  });

  it('makes no tables in an empty database where something was signed, and nobody said that it is given up', async () => {
    const { checkpoints } = await open(await ranBefore(5));
    await expect(checkpoints.expectEmpty()).rejects.toThrow(StoreRefused);
    await expect(checkpoints.expectEmpty()).rejects.toThrow('the database ends with entry 0');
    await expect(checkpoints.expectEmpty({ entry: 3 })).rejects.toThrow(
      '--restored 3 was said, and the copy ends with entry 0.',
    );
    await checkpoints.expectEmpty({ entry: 0 });
    for (const one of [file, `${file}.key`, `${file}.pub`]) rmSync(one);
    const { checkpoints: first } = await open(new FakeChain());
    await first.expectEmpty();
  });

  it('is told by a second step back with which entry the copy ends, by what it signed since the first', async () => {
    const chain = await ranBefore(9);
    chain.hashes.length = 4;
    chain.grow(2, 'other');
    expect(await start(chain, 4)).toBe(4);
    await runUntil(chain, 8, 10);
    // Not by entry 9, which it gave up: this copy is longer.
    chain.hashes.length = 9;
    await expect(start(chain)).rejects.toThrow('was started on this copy: from 8 to 9, as');
  });

  it.each([
    ['put back after an older copy', [4]],
    ['put back, then an older copy, then it again', [9, 4]],
    ['put back twice, each time after an older copy', [4, 9, 4]],
  ])('finds the end of a copy of a history that was given up: %s', async (_title, before) => {
    const chain = new FakeChain();
    await runUntil(chain, 3, 8, 12);
    const lost = chain.hashes.slice(0, 10);
    const said = new Set<number>();
    /** As a word that is believed: the entry alone, where it was not said before. */
    const restore = async (entry: number): Promise<void> => {
      const word = said.has(entry) ? (`${entry}:${lastName()}` as const) : entry;
      const wrong = entry === 4 ? 2 : 5;
      await expect(start(chain, wrong)).rejects.toThrow(/and the copy ends with/);
      expect(await start(chain, word)).toBe(entry);
      said.add(entry);
    };
    for (const [time, entry] of before.entries()) {
      chain.hashes = lost.slice(0, entry);
      await restore(entry);
      for (const count of [1, 1, 3]) {
        chain.grow(count, `history ${time}`);
        await (await open(chain)).checkpoints.close();
      }
    }
    chain.hashes = lost.slice(0, 9);
    await expect(start(chain)).rejects.toThrow('`serve --restored 9');
    await restore(9);
    // What waits up to there stays in doubt, also where the start that signed it was killed, and its own history is asked from then on.
    expect(await start(chain)).toBe(9);
    chain.hashes = lost.slice(0, 8);
    await expect(start(chain)).rejects.toThrow('`serve --restored 8`');
  });

  /** Of the newest checkpoint. */
  const lastName = (): string => nameOf(written().at(-1) ?? { hash: '' });

  it('does not believe the entry that was said of a loss when the same copy is put back again', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 5, 9);
    const words = [];
    for (const history of ['second', 'third', 'fourth']) {
      chain.hashes.length = 5;
      expect(await start(chain, words.at(-1) ?? 5)).toBe(5);
      // Also not from a service's file, with which a gate is started that its database does not lack.
      expect(await start(chain, words.at(-1) ?? 5)).toBe(5);
      chain.grow(4, history);
      const { checkpoints } = await open(chain);
      await checkpoints.close();
      chain.hashes.length = 5;
      const before = readFileSync(file, 'utf8');
      for (const said of [5, `5:${'0'.repeat(8)}`, ...words])
        await expect(start(chain, said)).rejects.toThrow(
          `--restored ${said} was said of another loss than this, and holds for one alone. If it is lost, make the kill file, start once with \`serve --restored 5:${lastName()}\` (behind the colon`,
        );
      await expect(start(chain)).rejects.toThrow(`\`serve --restored 5:${lastName()}\``);
      expect(readFileSync(file, 'utf8')).toBe(before);
      words.push(`5:${lastName()}`);
    }
    expect(new Set(words).size).toBe(3);
  });

  it.each([
    ['of a copy that ends behind it', [5, 9, 12], 5, 7],
    ['of the one before the last', [5, 9, 12], 9, 5],
  ])('does not believe the entry that was said of a loss %s', async (_title, signed, second, kept) => {
    const chain = new FakeChain();
    await runUntil(chain, ...signed);
    chain.hashes.length = 5;
    expect(await start(chain, 5)).toBe(5);
    await runUntil(chain, 9, 14);
    chain.hashes.length = second;
    expect(await start(chain, second === 5 ? `5:${lastName()}` : second)).toBe(second);
    await runUntil(chain, 20);
    chain.hashes.length = kept;
    await expect(start(chain, 5)).rejects.toThrow('--restored 5 was said of another loss than this');
  });

  it('does not believe it hundreds of checkpoints later', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 5, 9);
    chain.hashes.length = 5;
    expect(await start(chain, 5)).toBe(5);
    await signEach(chain, 800);
    chain.hashes.length = 5;
    await expect(start(chain, 5)).rejects.toThrow('--restored 5 was said of another loss than this');
  });

  it.each([
    ['whose checkpoint the copy holds', [4]],
    ['that has signed nothing yet', []],
  ])('does not believe it at a gate %s, and so was asked nothing', async (_title, signed) => {
    const chain = new FakeChain();
    await runUntil(chain, ...signed);
    chain.grow(5 - chain.hashes.length, 'other');
    const { checkpoints } = await open(chain);
    expect(await checkpoints.anchor({ entry: 5 })).toBe(5);
    await checkpoints.begin();
    await checkpoints.close();
    // Once, however often it is said, and nothing is given up by it.
    expect(await start(chain, 5)).toBe(5);
    expect(lines().flatMap(line => parseStepBack(line) ?? [])).toMatchObject([{ entry: 5 }]);
    const known = new Map([[written()[0]?.key ?? '', createPublicKey(readFileSync(`${file}.pub`, 'utf8'))]]);
    expect(lines().map(line => readCheckpointLine(line, known))).not.toContainEqual(
      expect.objectContaining({ stepBack: expect.anything() }),
    );
    await runUntil(chain, 9);
    expect(await start(chain, 5)).toBe(5);
    chain.hashes.length = 5;
    await expect(start(chain, 5)).rejects.toThrow('--restored 5 was said of another loss than this');
    expect(await start(chain, `5:${lastName()}`)).toBe(5);
  });

  it('takes the same entry at each gate after one loss, also when the first has gone on, and again after a crash', async () => {
    const chain = new FakeChain();
    const gates = [1, 2, 3].map(number => path.join(folder.path, `gate-${number}.ndjson`));
    for (const one of gates) {
      file = one;
      await runUntil(chain, chain.hashes.length + 4);
    }
    chain.hashes.length = 2;
    for (const one of gates) {
      file = one;
      expect(await start(chain, 2)).toBe(2);
      expect(await start(chain, 2)).toBe(2);
      chain.grow(20, one);
    }
  });

  it('does not believe for an empty database what was said of an earlier one', async () => {
    const chain = await ranBefore(5);
    const empty = async (said: string): Promise<void> => {
      chain.hashes = [];
      const { checkpoints } = await open(chain);
      await checkpoints.expectEmpty(parseRestored(said));
      await checkpoints.anchor(parseRestored(said));
      chain.grow(3, said);
      await checkpoints.close();
    };
    await empty('0');
    const before = readFileSync(file, 'utf8');
    await expect(empty('0')).rejects.toThrow(
      `--restored 0 was said of another loss than this, and holds for one alone. If it is lost, make the kill file, start once with \`serve --restored 0:${lastName()}\``,
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
    await empty(`0:${lastName()}`);
  });

  it('says with which entry the copy ended that it goes on from, at each start from then on', async () => {
    const chain = await ranBefore(5);
    expect(await start(chain)).toBeUndefined();
    chain.hashes.length = 3;
    expect(await start(chain, 3)).toBe(3);
    // It may have died before anything was done about it.
    expect(await start(chain)).toBe(3);
    await runUntil(chain, 8);
    expect(await start(chain)).toBe(3);
    expect(await start(chain, 3)).toBe(3);
  });

  it('says the entry that it is told also where its checkpoints fit, or are none: another gate may know more', async () => {
    const chain = new FakeChain();
    chain.grow(3);
    expect(await start(chain, 3)).toBe(3);
    expect(await start(await ranBefore(5), 5)).toBe(5);
  });

  it('takes no entry beyond the end of the database, also where nothing is lost, or nothing was ever signed', async () => {
    const chain = new FakeChain();
    const { checkpoints } = await open(chain);
    await expect(checkpoints.expectEmpty({ entry: 1 })).rejects.toThrow('the database ends with entry 0');
    await expect(start(chain, 1)).rejects.toThrow(
      '--restored 1 was said, and the database ends with entry 0: it is not the copy that this was said of. Start without it',
    );
    chain.grow(4);
    await expect(start(chain, 5)).rejects.toThrow(
      '--restored 5 was said, and the database ends with entry 4',
    );
    const { checkpoints: signing } = await open(chain);
    await signing.close();
    const before = readFileSync(file, 'utf8');
    await expect(start(chain, 9_999)).rejects.toThrow(StoreRefused);
    await expect(start(chain, 9_999)).rejects.toThrow(
      '--restored 9999 was said, and the database ends with entry 4',
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await start(chain, 4)).toBe(4);
  });

  it('does not take a step back for signed that was cut off from its checkpoint', async () => {
    const chain = await ranBefore(5);
    const lost = [...chain.hashes];
    chain.hashes.length = 3;
    await start(chain, 3);
    writeFileSync(file, `${lines().slice(0, -1).join('\n')}\n{"at":"20`);
    await expect(start(chain)).rejects.toThrow('the database ends with entry 3');
    chain.hashes = lost;
    expect(await start(chain)).toBeUndefined();
  });

  it('with a database that was put back must be told to which entry, and needs it once', async () => {
    const chain = await ranBefore(5);
    chain.hashes.length = 3;
    await expect(start(chain, 4)).rejects.toThrow(StoreRefused);
    await start(chain, 3);
    expect(seqs()).toEqual([5, 3]);
    await start(chain);
    chain.grow(1, 'other');
    await start(chain);
  });

  it('with a database that was put back signs what it gave up, before the first checkpoint of what it took', async () => {
    const chain = await ranBefore(5);
    const [newest] = written();
    chain.hashes.length = 3;
    chain.grow(1, 'other');
    await start(chain, 3);
    const [, line = '', next = ''] = lines();
    const publicKey = createPublicKey(readFileSync(`${file}.pub`, 'utf8'));
    const stepBack = parseStepBack(line);
    if (stepBack === undefined) throw new Error(`${line} is no step back`);
    expect(judgeStepBack(stepBack, publicKey)).toBe('good');
    const to = { seq: 4, hash: chain.hashes[3] };
    const at = '2026-11-22T15:04:05.678Z';
    const from = { at: newest?.at, seq: 5, hash: newest?.hash };
    expect(stepBack).toMatchObject({ at, entry: 3, from, to });
    expect(parseCheckpoint(next)).toMatchObject(to);
    // Once: it is no torn line to the next start, and is not said again.
    const again = await open(chain);
    await again.checkpoints.anchor();
    chain.grow(1, 'other');
    await again.checkpoints.close();
    expect(again.said()).toEqual([]);
    expect(lines().filter(one => parseStepBack(one) !== undefined)).toEqual([line]);
  });

  it.each([
    ['gave up a history', 3, { entry: 3, from: { seq: 5 }, to: { seq: 3 } }],
    ['fits all the same', 5, { entry: 3, from: { seq: 5 }, to: { seq: 5 } }],
  ])('whose word cannot be signed does not go on, where the copy %s', async (_title, kept, signed) => {
    const chain = new FakeChain();
    await runUntil(chain, 3, 5);
    chain.hashes.length = kept;
    const before = readFileSync(file, 'utf8');
    const { checkpoints } = await open(chain, undefined, new FullDisk(1));
    // Else the same word would be believed for the next copy.
    await expect(checkpoints.anchor({ entry: 3 })).rejects.toThrow(
      /cannot be written, and what `--restored` says is signed there .*: no room\. Make room/,
    );
    expect(readFileSync(file, 'utf8')).toBe(before);
    // A gate that goes on trying to begin is asked the same again.
    expect(await checkpoints.anchor({ entry: 3 })).toBe(3);
    expect(await start(chain, 3)).toBe(3);
    expect(lines().flatMap(line => parseStepBack(line) ?? [])).toMatchObject([signed]);
  });

  it.each([
    ['moved', () => rmSync(file)],
    ['cut', () => writeFileSync(file, '')],
  ])('signs nothing in a new file where the one in which it signed was %s', async (_title, spoil) => {
    const chain = await ranBefore(5);
    const { checkpoints, said } = await open(chain);
    await checkpoints.anchor();
    const before = readFileSync(file, 'utf8');
    spoil();
    chain.grow(1);
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written']);
    expect(lines()).toEqual([]);
    writeFileSync(file, before);
    await checkpoints.look();
    expect(seqs()).toEqual([5, 6]);
  });

  it('leaves no key of which it would be said that what it signed is lost', async () => {
    const chain = new FakeChain();
    chain.grow(3);
    // The key is made, and then there is no room for the line.
    const { checkpoints } = await open(chain, undefined, new FullDisk(2));
    await checkpoints.anchor();
    await checkpoints.look();
    expect(['.key', '.pub'].some(end => existsSync(`${file}${end}`))).toBe(false);
    expect(await start(chain)).toBeUndefined();
    await (await open(chain)).checkpoints.begin();
    expect(seqs()).toEqual([3]);
  });

  it('is refused with a step back that was altered, or signed with another key', async () => {
    const chain = await ranBefore(5);
    chain.hashes.length = 3;
    await start(chain, 3);
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('"entry":3', '"entry":2'));
    await expect(start(chain)).rejects.toThrow('The step back to entry 3 in');
    const [stepBack] = lines().flatMap(line => parseStepBack(line) ?? []);
    if (stepBack === undefined) throw new Error('no step back');
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const foreign = signStepBack(stepBack, { privateKey, key: publicKeyName(publicKey) });
    writeFileSync(file, `${before}${stepBackLine(foreign)}\n`);
    await expect(start(chain)).rejects.toThrow(`was signed by the key ${foreign.key}`);
    rmSync(`${file}.key`);
    rmSync(`${file}.pub`);
    writeFileSync(file, `${stepBackLine(foreign)}\n`);
    await expect(start(chain)).rejects.toThrow(`${file}.key is gone`);
  });

  it('is not told so by what was said of a copy before', async () => {
    const chain = await ranBefore(5);
    chain.hashes.length = 3;
    await start(chain, 3);
    for (const count of [3, 4]) {
      chain.grow(count, 'other');
      const { checkpoints } = await open(chain);
      await checkpoints.close();
    }
    expect(seqs()).toEqual([5, 3, 6, 10]);
    for (const kept of [7, 2]) {
      chain.hashes.length = kept;
      await expect(start(chain, 3)).rejects.toThrow(StoreRefused);
    }
  });

  it('is told so also while other gates go on with what was put back', async () => {
    const chain = await ranBefore(5);
    chain.hashes.length = 3;
    chain.grow(9, 'other');
    await expect(start(chain)).rejects.toThrow('entry 5 of the database is another one');
    await start(chain, 3);
    expect(seqs()).toEqual([5, 12]);
  });

  it('is refused with a checkpoint that was altered', async () => {
    const chain = await ranBefore(5);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"seq":5', '"seq":4'));
    await expect(start(chain)).rejects.toThrow('a signature that is not its own');
  });

  it('is refused with an altered checkpoint before the newest', async () => {
    const chain = await ranBefore(5);
    const altered = readFileSync(file, 'utf8').replace('"seq":5', '"seq":4');
    writeFileSync(file, altered + readFileSync(file, 'utf8'));
    await expect(start(chain)).rejects.toThrow('a signature that is not its own');
  });

  it('is refused with a checkpoint of a key that is not the one beside it', async () => {
    const chain = await ranBefore(5);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const foreign = signCheckpoint({ seq: 1, hash: chain.hashes[0] ?? '' }, '2026-11-22T15:04:05.678Z', {
      privateKey,
      key: publicKeyName(publicKey),
    });
    appendFileSync(file, `${checkpointLine(foreign)}\n`);
    await expect(start(chain)).rejects.toThrow(`was signed by the key ${foreign.key}`);
  });

  it('is refused with checkpoints whose keys are gone, and makes no new ones', async () => {
    const chain = await ranBefore(5);
    rmSync(`${file}.key`);
    rmSync(`${file}.pub`);
    await expect(start(chain)).rejects.toThrow(`${file}.key is gone`);
    expect(existsSync(`${file}.key`)).toBe(false);
  });

  it('is refused with checkpoints that cannot be read', async () => {
    mkdirSync(file);
    await expect(start(new FakeChain())).rejects.toThrow(`${file} cannot be read`);
  });

  it('finds the newest behind more than is read at once, and reads no more than it must', async () => {
    const chain = await ranBefore(5);
    appendFileSync(file, `${'x'.repeat(200)}\n`.repeat(2_000));
    chain.hashes.length = 3;
    await expect(start(chain)).rejects.toThrow(StoreRefused);
    const signer = await makeSigningKey(file);
    const good = (seq: number) =>
      checkpointLine(
        signCheckpoint({ seq, hash: sha256(`a${seq - 1}`) }, '2026-11-22T15:04:05.678Z', signer),
      );
    // Altered long ago: the whole file is for whoever verifies, not for each start.
    const old = good(2).replace('"seq":2', '"seq":1');
    writeFileSync(file, `${[old, ...Array.from({ length: 400 }, () => good(3))].join('\n')}\n`);
    await start(chain);
  });
});
