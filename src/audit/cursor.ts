import { sha256 } from '../kit/digest.ts';

/** Enough to notice a cursor that was cut, mistyped or taken from another search; what a cursor shows is never more than its reader may see. */
const CHECK_LENGTH = 12;

/** An opaque cursor to `position` (whole, not negative) of the list that `of` names: the path and the filters. */
export function formatCursor(position: number, of: string): string {
  return Buffer.from(`${position}.${check(position, of)}`).toString('base64url');
}

/** The position of a cursor; undefined if it was not made for this list. */
export function parseCursor(cursor: string, of: string): number | undefined {
  const [, digits] =
    /^(0|[1-9][0-9]{0,15})\./.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  const position = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(position)) return undefined;
  // Made anew and compared, so that one position has one cursor.
  return formatCursor(position, of) === cursor ? position : undefined;
}

const check = (position: number, of: string): string =>
  sha256(`${position}\n${of}`).slice('sha256:'.length, 'sha256:'.length + CHECK_LENGTH);
