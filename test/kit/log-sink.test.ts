import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fileLines, LogSink, streamLines } from '../../src/kit/log-sink.ts';
import { createLogger } from '../../src/kit/logger.ts';

/** Who reads takes nothing until `read`. */
function slowReader() {
  let waiting: string[] = [];
  const taken: string[] = [];
  return {
    taken,
    read: (): void => {
      taken.push(...waiting);
      waiting = [];
    },
    write: (text: string): boolean => {
      waiting.push(text);
      return true;
    },
    get writableLength(): number {
      return waiting.join('').length;
    },
  };
}

const MEBIBYTE = 'x'.repeat(1024 * 1024);

describe('the lines of the log', () => {
  it('wait for a reader that is slow, up to a bound, and what was dropped is told once it reads again', () => {
    const reader = slowReader();
    const dropped: number[] = [];
    const sink = new LogSink(streamLines(reader), lines => dropped.push(lines));
    for (let line = 0; line < 7; line += 1) sink.write(MEBIBYTE);
    expect(reader.writableLength).toBe(4 * MEBIBYTE.length);
    reader.read();
    expect(reader.taken).toHaveLength(4);
    sink.write('a');
    expect(dropped).toEqual([3]);
    sink.write('b');
    reader.read();
    sink.write('c');
    expect([dropped, reader.taken.slice(4)]).toEqual([[3], ['a', 'b']]);
  });

  it('are dropped where a disk is full', () => {
    const full = openSync('/dev/full', 'w');
    expect(fileLines(full).put('a line\n')).toBe(false);
    closeSync(full);
  });

  it('go on behind half a line with a line of their own', () => {
    let file = '';
    let room = 8;
    const lines = fileLines(0, (_fd, bytes) => {
      const written = Math.min(room, bytes.length);
      file += bytes.toString('utf8', 0, written);
      room -= written;
      return written;
    });
    expect([lines.put('one\n'), lines.put('two, whole\n'), lines.put('three\n')]).toEqual([
      true,
      false,
      false,
    ]);
    room = 100;
    expect(lines.put('four\n')).toBe(true);
    expect(file).toBe('one\ntwo,\nfour\n');
  });

  it('say in the log that lines were dropped, and how many', () => {
    let isFull = true;
    const taken: string[] = [];
    const logger = createLogger('info', {
      put: line => {
        if (!isFull) taken.push(line);
        return !isFull;
      },
      isEmpty: () => true,
    });
    logger.info('lost');
    logger.info('lost too');
    isFull = false;
    logger.info('found');
    expect(taken.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({ msg: 'found' }),
      expect.objectContaining({ level: 40, lines: 2, msg: expect.stringContaining('dropped') }),
    ]);
  });
});
