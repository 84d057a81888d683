/**
 * The lines of a stream of UTF-8, each parsed. A stream that ends within a line was cut off.
 * @throws Error for a line that is not JSON, and for a stream that was cut off
 */
export async function* readLines<Item>(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Item, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      // Taken at its word: the gate is who says what an item is.
      const item: Item = JSON.parse(line);
      yield item;
    }
  }
  if (rest !== '' || decoder.decode() !== '') throw new Error('the stream was cut off within a line');
}
