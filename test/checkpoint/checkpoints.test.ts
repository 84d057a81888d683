import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
import { nameOf, UNSIGNED } from '../../src/checkpoint/restored.ts';
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
  /** What was said, by the hash of the entry that says so. */
  readonly #said = new Map<string, string>();
  grow(count: number, history = 'a'): void {
    for (let step = 0; step < count; step += 1) this.hashes.push(sha256(`${history}${this.hashes.length}`));
  }
  /** The entry that a gate makes of a word before it goes on. */
  record(said: string): void {
    const hash = sha256(`${said} ${this.#said.size}`);
    this.hashes.push(hash);
    this.#said.set(hash, said);
  }
  readonly isRecorded = async (said: string): Promise<boolean> =>
    await Promise.resolve(this.hashes.some(hash => this.#said.get(hash) === said));
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
  chain: Pick<FakeChain, 'read' | 'isRecorded'>,
  known: () => ChainHead | undefined = () => undefined,
  threads = new FileThreads(),
  alone = false,
) {
  const { logger, said } = recordedLogger();
  const looks: boolean[] = [];
  const onLook = (isWritten: boolean): void => void looks.push(isWritten);
  const { read: readChain, isRecorded } = chain;
  const parts = { file, readChain, isRecorded, alone, known, onLook, threads, clock, logger };
  const checkpoints = await Checkpoints.open(parts);
  return {
    checkpoints,
    looks,
    said: () => said().map(([level, message]) => `${level} ${message.split(':')[0]}`),
  };
}
/** A gate that has begun. */
async function begun(...of: Parameters<typeof open>): ReturnType<typeof open> {
  const gate = await open(...of);
  await gate.checkpoints.anchor();
  return gate;
}
/** A gate that runs, whose time is the test's. */
async function started({ isAway = false } = {}) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  const chain = new FakeChain();
  const gate = await begun(chain);
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
  const { checkpoints } = await begun(chain);
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
    const { checkpoints } = await begun(chain);
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
    const chain = new FakeChain();
    let hangs = false;
    const { checkpoints, looks, said } = await begun({
      read: async (seq: number) => (hangs ? await new Promise(() => undefined) : await chain.read(seq)),
      isRecorded: chain.isRecorded,
    });
    hangs = true;
    void checkpoints.look();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([looks, said()]).toEqual([[false], ['50 no checkpoint is written']]);
  });

  it('are written every minute, and no more after the end', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const chain = new FakeChain();
    const { checkpoints } = await begun(chain);
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
    const { checkpoints, looks, said } = await begun(chain);
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
    const { checkpoints, said } = await begun(chain);
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
    const { checkpoints } = await begun(chain, () => known);
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

  it('are written of nothing that the database has and the gate has not seen', async () => {
    const chain = new FakeChain();
    chain.grow(2);
    const { checkpoints } = await begun(chain, () => ({ seq: 2, hash: chain.hashes[1] ?? '' }));
    await checkpoints.look();
    chain.grow(3);
    await checkpoints.close();
    expect(seqs()).toEqual([2]);
  });

  it('are not lost with half a line that a crash left', async () => {
    const chain = await ranBefore(2);
    appendFileSync(file, '{"at":"2026-11-22T15:');
    chain.grow(1);
    const { checkpoints, said } = await begun(chain);
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
    const { checkpoints, said } = await begun(chain);
    chain.grow(1);
    await checkpoints.begin();
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written']);
    mkdirSync(path.dirname(file));
    await checkpoints.look();
    expect(said()).toEqual(['50 no checkpoint is written', '30 checkpoints are written again']);
    expect(seqs()).toEqual([1]);
  });

  const recordIn = (chain: FakeChain, word: string) => async (): Promise<void> => {
    await Promise.resolve(chain.record(word));
  };
  /** As a gate does it: what was said is recorded before it is signed. @returns what was said, where it is of this loss */
  const start = async (chain: FakeChain, said?: string): Promise<string | undefined> => {
    const { checkpoints } = await open(chain);
    const word = await checkpoints.anchor(said);
    if (word !== undefined) await checkpoints.goOn(recordIn(chain, word));
    return word;
  };
  /** A gate that runs until the chain is so long, and is stopped, each time. */
  const runUntil = async (chain: FakeChain, ...lengths: readonly number[]): Promise<void> => {
    for (const length of lengths) {
      chain.grow(length - chain.hashes.length, 'other');
      const { checkpoints } = await begun(chain);
      await checkpoints.close();
    }
  };
  /** A gate that signs one entry after the other while it runs: more than is read at a start. */
  const signEach = async (chain: FakeChain, until: number): Promise<void> => {
    const { checkpoints } = await begun(chain);
    while (chain.hashes.length < until) {
      chain.grow(1, 'later');
      await checkpoints.look();
    }
  };
  /** Of the newest checkpoint. */
  const lastName = (): string => nameOf(written().at(-1) ?? { hash: '' });
  const stepsBack = () => lines().flatMap(line => parseStepBack(line) ?? []);

  it('goes on with the same database, and with one that is ahead', async () => {
    const chain = await ranBefore(5);
    await start(chain);
    chain.grow(2);
    await start(chain);
    expect(seqs()).toEqual([5]);
  });

  it('signs nothing before it has compared', async () => {
    const chain = await ranBefore(5);
    chain.grow(1);
    const { checkpoints, looks } = await open(chain);
    await checkpoints.look();
    await checkpoints.close();
    expect(seqs()).toEqual([5]);
    expect(looks).toEqual([]);
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

  it('is refused where the entries are there and the head has not come to them: a restore failed in the middle', async () => {
    const chain = await ranBefore(5);
    const { checkpoints } = await open({
      read: async (seq: number) => ({ ...(await chain.read(seq)), head: { seq: 0, hash: 'none' } }),
      isRecorded: chain.isRecorded,
    });
    await expect(checkpoints.anchor()).rejects.toThrow('the database ends with entry 0');
  });

  it('on a history of which it has signed nothing says that it cannot tell, and signs it', async () => {
    const chain = new FakeChain();
    chain.grow(4);
    const { checkpoints, said } = await begun(chain);
    expect(said()).toEqual(['40 the database has a history, and this gate has signed nothing of it']);
    await checkpoints.begin();
    expect(seqs()).toEqual([4]);
    expect(await start(chain)).toBeUndefined();
  });

  it('on a history that nobody else can have made, and of which it has signed nothing, puts in doubt what waits without a word', async () => {
    const chain = new FakeChain();
    const { checkpoints, said } = await open(chain, undefined, undefined, true);
    expect(await checkpoints.anchor()).toBeUndefined();
    expect(said()).toEqual([]);
    chain.grow(4);
    expect(await checkpoints.anchor()).toBe(UNSIGNED);
    expect(said()).toEqual(['40 the database has a history, and this gate has signed nothing of it']);
    await checkpoints.look();
    expect(seqs()).toEqual([]);
    await checkpoints.goOn(recordIn(chain, UNSIGNED));
    await checkpoints.begin();
    expect(seqs()).toEqual([5]);
    expect(await checkpoints.anchor()).toBeUndefined();
  });

  it.each<[string, string | undefined]>([
    ['is gone', undefined],
    ['is empty', ''],
    ['holds something else', 'hello\n'],
  ])(
    'whose file %s beside the key that signed it believes no word, until the key is moved',
    async (_, text) => {
      const chain = await ranBefore(5);
      const name = lastName();
      rmSync(file);
      if (text !== undefined) writeFileSync(file, text);
      for (const said of [undefined, name, UNSIGNED])
        await expect(start(chain, said)).rejects.toThrow(
          /holds no checkpoint, .* ends with entry 5, .* Put the file back as it was last: with a copy of it that is as old as the database the loss would not be seen, .* If it is lost, make the kill file, move .*\.key and .*\.pub elsewhere and keep them, start once with `serve --restored unsigned`/s,
        );
      expect(seqs()).toEqual([]);
      for (const one of ['key', 'pub']) rmSync(`${file}.${one}`);
      await expect(start(chain, name)).rejects.toThrow(
        `--restored ${name} was said, and this gate has signed nothing that it could name. If the database was put back, start with \`serve --restored unsigned\``,
      );
      const { checkpoints, said } = await open(chain);
      expect(await checkpoints.anchor(UNSIGNED)).toBe(UNSIGNED);
      expect(said().at(-1)).toBe('40 the database has a history, and this gate has signed nothing of it');
      await checkpoints.goOn(recordIn(chain, UNSIGNED));
      await checkpoints.begin();
      expect(seqs()).toEqual([6]);
      // Left in a service's file it is of no other loss.
      expect(await start(chain, UNSIGNED)).toBeUndefined();
      chain.hashes.length = 5;
      await expect(start(chain, UNSIGNED)).rejects.toThrow(
        '--restored unsigned was said, and is not of this loss',
      );
    },
  );

  it('with a key and no checkpoint has signed, also where the database is empty', async () => {
    await makeSigningKey(file);
    for (const said of [undefined, UNSIGNED]) {
      await expect(start(new FakeChain(), said)).rejects.toThrow('what it signed is lost');
      const { checkpoints } = await open(new FakeChain());
      expect(() => checkpoints.expectEmpty(said)).toThrow('the database, which ends with entry 0');
    }
  });

  it('makes no tables in an empty database where something was signed, and nobody said that it is given up', async () => {
    const { checkpoints } = await open(await ranBefore(5));
    const name = lastName();
    expect(() => checkpoints.expectEmpty()).toThrow(StoreRefused);
    expect(() => checkpoints.expectEmpty()).toThrow('the database ends with entry 0');
    for (const said of ['0'.repeat(8), UNSIGNED])
      expect(() => checkpoints.expectEmpty(said)).toThrow(
        `--restored ${said} was said, and is not of this loss`,
      );
    checkpoints.expectEmpty(name);
    for (const one of [file, `${file}.key`, `${file}.pub`]) rmSync(one);
    const { checkpoints: first } = await open(new FakeChain());
    first.expectEmpty();
    first.expectEmpty(UNSIGNED);
    expect(() => first.expectEmpty(name)).toThrow('has signed nothing that it could name');
  });

  it('with a database that was put back must be told so by the name of the newest checkpoint, and needs it once', async () => {
    const chain = await ranBefore(5);
    const name = lastName();
    chain.hashes.length = 3;
    const before = readFileSync(file, 'utf8');
    await expect(start(chain)).rejects.toThrow(
      `If it is lost, make the kill file, start once with \`serve --restored ${name}\`, settle`,
    );
    for (const said of ['0'.repeat(8), nameOf({ hash: chain.hashes[2] ?? '' }), UNSIGNED])
      await expect(start(chain, said)).rejects.toThrow(
        `--restored ${said} was said, and is not of this loss: it does not name the newest checkpoint. If it is lost`,
      );
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await start(chain, name)).toBe(name);
    expect(seqs()).toEqual([5, 4]);
    expect(await start(chain)).toBeUndefined();
    // Also left in a service's file, and that is said.
    const { checkpoints, said: log } = await open(chain);
    expect(await checkpoints.anchor(name)).toBeUndefined();
    expect(log()).toEqual(['40 what --restored says is recorded already, and puts nothing in doubt']);
    chain.grow(1, 'other');
    expect(await start(chain, name)).toBeUndefined();
  });

  it('believes no word twice, however often the same copy is put back', async () => {
    const chain = await ranBefore(9);
    const words: string[] = [];
    for (const history of ['second', 'third', 'fourth']) {
      chain.hashes.length = 5;
      for (const said of words)
        await expect(start(chain, said)).rejects.toThrow(
          `--restored ${said} was said, and is not of this loss`,
        );
      words.push(lastName());
      expect(await start(chain, words.at(-1))).toBe(words.at(-1));
      // Nothing may be recorded before the next loss.
      if (history !== 'third') {
        chain.grow(4, history);
        await (await begun(chain)).checkpoints.close();
      }
    }
    expect(new Set(words).size).toBe(3);
  });

  it('does not believe for an empty database what was said of an earlier one', async () => {
    const chain = await ranBefore(5);
    const words: string[] = [];
    for (let time = 0; time < 3; time += 1) {
      chain.hashes = [];
      for (const said of words) await expect(start(chain, said)).rejects.toThrow('is not of this loss');
      words.push(lastName());
      expect(await start(chain, words.at(-1))).toBe(words.at(-1));
    }
  });

  it.each([
    ['stopped before it recorded anything', 0],
    ['went on', 3],
  ])(
    'is asked of a newer copy, too, that is put back after an older one on which it %s',
    async (_, grown) => {
      const chain = new FakeChain();
      await runUntil(chain, 3, 8, 12);
      const lost = chain.hashes;
      const words: string[] = [];
      for (const kept of [4, 10, 4, 12, 8]) {
        chain.hashes = lost.slice(0, kept);
        await expect(start(chain)).rejects.toThrow(`\`serve --restored ${lastName()}\``);
        for (const said of words) await expect(start(chain, said)).rejects.toThrow('is not of this loss');
        words.push(lastName());
        expect(await start(chain, words.at(-1))).toBe(words.at(-1));
        chain.grow(grown, `history ${words.length}`);
        await (await begun(chain)).checkpoints.close();
      }
    },
  );

  it('takes a newer copy at a gate that has signed an older one alone', async () => {
    const lost = new FakeChain();
    lost.grow(24);
    const chain = new FakeChain();
    chain.grow(4);
    await runUntil(chain, 8);
    chain.hashes = [...lost.hashes];
    const name = lastName();
    await expect(start(chain)).rejects.toThrow(`\`serve --restored ${name}\``);
    expect(await start(chain, name)).toBe(name);
    expect(stepsBack()).toMatchObject([{ held: 0, from: { seq: 8 }, to: { seq: 25 } }]);
  });

  it('takes the word also where the database holds all that it signed: a copy may be of the last minute', async () => {
    const chain = await ranBefore(5);
    chain.grow(2);
    const name = lastName();
    expect(await start(chain, name)).toBe(name);
    expect(stepsBack()).toMatchObject([{ held: 5, from: { seq: 5 }, to: { seq: 8 } }]);
    expect(await start(chain, name)).toBeUndefined();
  });

  it('is refused with a word that nobody knows, where the database holds all that it signed', async () => {
    const chain = await ranBefore(5);
    for (const said of ['0'.repeat(8), UNSIGNED])
      await expect(start(chain, said)).rejects.toThrow(
        `--restored ${said} was said, which neither the database knows nor the newest checkpoint of this gate, and the database holds all that this gate has signed. If it was put back all the same, start with \`serve --restored ${lastName()}\``,
      );
    expect(seqs()).toEqual([5]);
  });

  it('believes at each gate its own word alone, and another gate’s once that is recorded', async () => {
    const chain = new FakeChain();
    const gates = [1, 2, 3].map(number => path.join(folder.path, `gate-${number}.ndjson`));
    const names: string[] = [];
    for (const one of gates) {
      file = one;
      await runUntil(chain, chain.hashes.length + 4);
      names.push(lastName());
    }
    // The first was stopped before what is lost now.
    chain.hashes.length = 6;
    const [first = '', second = '', third = ''] = gates;
    file = first;
    await expect(start(chain, names[1])).rejects.toThrow('which neither the database knows');
    file = second;
    await expect(start(chain, names[2])).rejects.toThrow('is not of this loss');
    expect(await start(chain, names[1])).toBe(names[1]);
    chain.grow(20, 'other');
    file = third;
    expect(await start(chain, names[2])).toBe(names[2]);
    file = first;
    expect(await start(chain, names[1])).toBeUndefined();
  });

  it('signs nothing of a database that was put back before that is recorded', async () => {
    const chain = await ranBefore(5);
    chain.hashes.length = 3;
    chain.grow(9, 'other');
    const { checkpoints, looks } = await open(chain, () => ({ seq: 12, hash: chain.hashes[11] ?? '' }));
    await checkpoints.anchor(lastName());
    await checkpoints.look();
    await checkpoints.close();
    expect([seqs(), looks]).toEqual([[5], []]);
    for (const one of [file, `${file}.key`, `${file}.pub`]) rmSync(one);
    const { checkpoints: first } = await open(chain);
    await first.anchor(UNSIGNED);
    await first.close();
    expect(seqs()).toEqual([]);
  });

  it('signs nothing before that either where an earlier try to begin found all that was signed', async () => {
    const chain = await ranBefore(5);
    const { checkpoints } = await begun(chain, () => ({ seq: 12, hash: chain.hashes[11] ?? '' }));
    chain.hashes.length = 3;
    chain.grow(9, 'other');
    await checkpoints.anchor(lastName());
    await checkpoints.close();
    expect(seqs()).toEqual([5]);
  });

  it('with a database that was put back signs what it gave up, before the first checkpoint of what it took', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 2, 5);
    const newest = written().at(-1);
    chain.hashes.length = 3;
    chain.grow(1, 'third');
    await start(chain, lastName());
    const [, , line = '', next = ''] = lines();
    const publicKey = createPublicKey(readFileSync(`${file}.pub`, 'utf8'));
    const stepBack = parseStepBack(line);
    if (stepBack === undefined) throw new Error(`${line} is no step back`);
    expect(judgeStepBack(stepBack, publicKey)).toBe('good');
    const to = { seq: 5, hash: chain.hashes[4] };
    const at = '2026-11-22T15:04:05.678Z';
    const from = { at: newest?.at, seq: 5, hash: newest?.hash };
    expect(stepBack).toMatchObject({ at, held: 2, from, to });
    expect(parseCheckpoint(next)).toMatchObject(to);
    // Once: it is no torn line to the next start, and is not said again.
    const again = await begun(chain);
    chain.grow(1, 'other');
    await again.checkpoints.close();
    expect(again.said()).toEqual([]);
    expect(lines().filter(one => parseStepBack(one) !== undefined)).toEqual([line]);
  });

  it.each([
    ['none', [5, 9], 3, 0, 0],
    ['the newest that fits', [5, 9, 12], 10, 0, 9],
    ['one that others have added to', [5, 9, 12], 6, 30, 5],
    ['one of many', [5, ...Array.from({ length: 700 }, (_, index) => 10 + index)], 400, 1_200, 400],
    ['the first of many', [5, ...Array.from({ length: 700 }, (_, index) => 10 + index)], 7, 1_200, 5],
    ['all of them', [5, 9], 9, 1, 9],
  ])('finds what the copy holds of what it signed: %s', async (_title, signed, kept, grown, held) => {
    const chain = new FakeChain();
    const { checkpoints } = await begun(chain);
    for (const length of signed) {
      chain.grow(length - chain.hashes.length);
      await checkpoints.look();
    }
    chain.hashes.length = kept;
    chain.grow(grown, 'third');
    await start(chain, lastName());
    expect(stepsBack()).toMatchObject([{ held }]);
  });

  it('finds it in the history that counts, and in none that was given up', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 3, 8, 12);
    const lost = [...chain.hashes];
    chain.hashes.length = 4;
    await start(chain, lastName());
    await signEach(chain, 600);
    // It holds 8 and 12, which are of the history that was given up.
    chain.hashes = lost;
    await start(chain, lastName());
    expect(stepsBack().map(({ held }) => held)).toEqual([3, 3]);
    await runUntil(chain, 20, 30);
    chain.hashes.length = 25;
    await start(chain, lastName());
    expect(stepsBack().map(({ held }) => held)).toEqual([3, 3, 20]);
    chain.hashes.length = 20;
    await start(chain, lastName());
    chain.hashes.length = 2;
    await start(chain, lastName());
    expect(stepsBack().map(({ held }) => held)).toEqual([3, 3, 20, 20, 0]);
  });

  it('finds it in no history that was given up with one that was given up since', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 3, 8, 12);
    const lost = chain.hashes.slice(0, 10);
    for (const kept of [10, 4, 10]) {
      chain.hashes = lost.slice(0, kept);
      await start(chain, lastName());
      chain.grow(20, `after ${kept}`);
      await (await begun(chain)).checkpoints.close();
    }
    expect(stepsBack().map(({ held }) => held)).toEqual([8, 3, 3]);
  });

  it('does not take a step back for signed that was cut off from its checkpoint', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 2, 5);
    const lost = [...chain.hashes];
    const name = lastName();
    chain.hashes.length = 3;
    await start(chain, name);
    writeFileSync(file, `${lines().slice(0, -1).join('\n')}\n{"at":"20`);
    await expect(start(chain)).rejects.toThrow('the database ends with entry 4');
    const [, ...behind] = chain.hashes.splice(2);
    chain.hashes = [...lost];
    await runUntil(chain, 7);
    // What was signed since stands for all before it.
    chain.hashes.length = 6;
    await start(chain, lastName());
    expect(stepsBack().map(({ held }) => held)).toEqual([2, 5]);
    expect(behind).toHaveLength(1);
  });

  it('that cannot sign it does not go on, and is asked the same again', async () => {
    const chain = await ranBefore(5);
    const name = lastName();
    chain.hashes.length = 3;
    const before = readFileSync(file, 'utf8');
    const { checkpoints } = await open(chain, undefined, new FullDisk(1));
    const goOn = async (): Promise<void> => {
      expect(await checkpoints.anchor(name)).toBe(name);
      await checkpoints.goOn(recordIn(chain, name));
    };
    await expect(goOn()).rejects.toThrow(StoreRefused);
    expect(readFileSync(file, 'utf8')).toBe(before);
    const { checkpoints: full } = await open(chain, undefined, new FullDisk(1));
    await full.anchor(name);
    await expect(full.goOn(recordIn(chain, name))).rejects.toThrow(
      /cannot be written, and that the database was put back is signed there .*: no room\. Make room/,
    );
    await goOn();
    expect(stepsBack()).toMatchObject([{ held: 0, from: { seq: 5 }, to: { seq: 5 } }]);
    expect(await start(chain, name)).toBeUndefined();
  });

  it('that tries again records what was said once, unless another copy was put back meanwhile', async () => {
    const chain = await ranBefore(5);
    const name = lastName();
    const { checkpoints } = await open(chain, undefined, new FullDisk(1));
    const full = await open(chain, undefined, new FullDisk(1));
    const goOn = async (of: Checkpoints): Promise<number> => {
      const before = chain.hashes.length;
      expect(await of.anchor(name)).toBe(name);
      await of.goOn(recordIn(chain, name)).catch(() => undefined);
      return chain.hashes.length - before;
    };
    chain.hashes.length = 3;
    expect(await goOn(checkpoints)).toBe(1);
    chain.hashes.length = 2;
    chain.grow(3, 'others');
    expect(await goOn(full.checkpoints)).toBe(1);
    expect(stepsBack()).toEqual([]);
    // What others have added since is of the history that counts.
    chain.grow(7, 'others');
    expect(await goOn(full.checkpoints)).toBe(0);
    expect(stepsBack()).toMatchObject([{ to: { seq: 13 } }]);
    expect(await goOn(checkpoints)).toBe(1);
  });

  it.each([
    ['moved', () => rmSync(file)],
    ['cut', () => writeFileSync(file, '')],
  ])('signs nothing in a new file where the one in which it signed was %s', async (_title, spoil) => {
    const chain = await ranBefore(5);
    const { checkpoints, said } = await begun(chain);
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

  it.each([
    ['the key', 1, [], '50 no checkpoint is written'],
    ['the line', 2, [], '50 no checkpoint is written'],
    [
      'what is public of the key',
      3,
      ['.key'],
      '50 the newest checkpoint is written, and what is public of its key could not be',
    ],
  ])(
    'that has no room for %s leaves no key of which it would be said that what it signed is lost',
    async (_title, nth, left, why) => {
      const chain = new FakeChain();
      chain.grow(3);
      const { checkpoints, said } = await begun(chain, undefined, new FullDisk(nth));
      await checkpoints.look();
      expect(said().at(-1)).toBe(why);
      expect(['.key', '.pub'].filter(end => existsSync(`${file}${end}`))).toEqual(left);
      expect(await start(chain)).toBeUndefined();
      await (await begun(chain)).checkpoints.begin();
      expect(seqs()).toEqual([3]);
      expect(existsSync(`${file}.pub`)).toBe(true);
    },
  );

  it('writes what is public of its key again where that is gone', async () => {
    const chain = await ranBefore(5);
    const before = readFileSync(`${file}.pub`, 'utf8');
    rmSync(`${file}.pub`);
    await (await begun(chain)).checkpoints.begin();
    expect(readFileSync(`${file}.pub`, 'utf8')).toBe(before);
    expect(seqs()).toEqual([5]);
  });

  it('is refused with a step back that was altered, or signed with another key', async () => {
    const chain = await ranBefore(5);
    chain.hashes.length = 3;
    await start(chain, lastName());
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('"held":0', '"held":2'));
    await expect(start(chain)).rejects.toThrow('The step back to entry 4 in');
    const [stepBack] = stepsBack();
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

  it('rests on no step back that was altered, however long ago', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 3, 8);
    chain.hashes.length = 4;
    await start(chain, lastName());
    await signEach(chain, 700);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"held":3', '"held":4'));
    chain.hashes.length = 3;
    await expect(start(chain, lastName())).rejects.toThrow('The step back to entry 5 in');
  });

  it('rests on nothing that was altered, however long ago', async () => {
    const chain = new FakeChain();
    await runUntil(chain, 5);
    await signEach(chain, 700);
    const before = readFileSync(file, 'utf8');
    chain.hashes.length = 6;
    const signatureOf5 = written()[0]?.signature ?? '';
    writeFileSync(file, before.replace(signatureOf5, written()[1]?.signature ?? ''));
    chain.hashes.length = 5;
    await expect(start(chain, lastName())).rejects.toThrow('a signature that is not its own');
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
