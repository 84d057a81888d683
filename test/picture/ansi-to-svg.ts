/** A line of a terminal: pieces of text, each as bold, dim or coloured as its escape sequences say. */
interface Piece {
  readonly text: string;
  readonly bold: boolean;
  readonly dim: boolean;
  /** An ANSI colour, 31 to 36; undefined for the terminal's own. */
  readonly color: number | undefined;
}

const COLORS: Readonly<Record<number, string>> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
};
const ESCAPE = '\u001b';
const SEQUENCE = new RegExp(`(${ESCAPE}\\[[\\d;]*m)`, 'u');
const [CHARACTER, LINE, PADDING] = [8.4, 20, 20];

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Reads bold, dim and the six colours; any other sequence is a mistake of the picture, not to be passed over. */
function piecesOf(line: string): Piece[] {
  let style = { bold: false, dim: false, color: undefined as number | undefined };
  const pieces: Piece[] = [];
  for (const part of line.split(SEQUENCE)) {
    const codes = SEQUENCE.test(part) ? part.slice(2, -1) : undefined;
    if (codes === undefined) {
      if (part.includes(ESCAPE)) throw new Error(`an unknown sequence: ${JSON.stringify(part)}`);
      if (part !== '') pieces.push({ text: part, ...style });
      continue;
    }
    for (const code of codes.split(';').map(Number)) style = styled(style, code);
  }
  return pieces;
}

function styled(style: Omit<Piece, 'text'>, code: number): Omit<Piece, 'text'> {
  if (code === 0) return { bold: false, dim: false, color: undefined };
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, color: undefined };
  if (COLORS[code] !== undefined) return { ...style, color: code };
  throw new Error(`an unknown style: ${code}`);
}

const spanOf = ({ text, bold, dim, color }: Piece): string => {
  const fill = color === undefined ? '' : ` fill="${COLORS[color] ?? ''}"`;
  const look = `${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`;
  return `<tspan${fill}${look}>${escapeXml(text)}</tspan>`;
};

/** A picture of what a terminal shows, as SVG: text that can be selected, found and read aloud. */
export function ansiToSvg(text: string, title: string): string {
  const lines = text.replace(/\n+$/u, '').split('\n').map(piecesOf);
  const columns = Math.max(...lines.map(line => line.reduce((sum, piece) => sum + piece.text.length, 0)));
  const width = Math.ceil(columns * CHARACTER + 2 * PADDING);
  const height = lines.length * LINE + 2 * PADDING;
  const rows = lines.map(
    (line, index) =>
      `<text x="${PADDING}" y="${PADDING + index * LINE + 14}" xml:space="preserve">${line.map(spanOf).join('')}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3">`,
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}
