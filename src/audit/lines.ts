/** The lines of a text that comes in pieces, without their line feeds. Only a line feed ends a line: U+2028 stands in JSON as it is. */
export async function* linesOf(
  pieces: AsyncIterable<string>,
): AsyncGenerator<{ readonly text: string; readonly ended: boolean }, void> {
  let rest: string[] = [];
  for await (const piece of pieces) {
    const lines = piece.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      yield { text: rest.join('') + line, ended: true };
      rest = [];
    }
    if (last.length > 0) rest.push(last);
  }
  if (rest.length > 0) yield { text: rest.join(''), ended: false };
}
