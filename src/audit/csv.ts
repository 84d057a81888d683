/** What the columns need of a recorded request, in the store's words or as the gate answered it. */
interface Listed {
  readonly id: string;
  readonly decided_at: string;
  readonly mode: string;
  readonly action?: string | undefined;
  readonly principal: string;
  readonly decision: string;
  readonly status: number;
  readonly targets?: { readonly count: number } | undefined;
  readonly reasons: readonly { readonly rule: string }[];
  readonly outcome?: { readonly status: string } | undefined;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

const columns = [
  'id',
  'decided_at',
  'mode',
  'action',
  'principal',
  'decision',
  'status',
  'count',
  'rules',
  'outcome',
  'reason',
  'ticket',
] as const;

export const CSV_HEADER = `${columns.join(',')}\r\n`;

/** One recorded request as a line of CSV (RFC 4180). Rules are joined by a space; what was not reached is empty. */
export function csvLine(view: Listed): string {
  const cells: Record<(typeof columns)[number], string | number | undefined> = {
    id: view.id,
    decided_at: view.decided_at,
    mode: view.mode,
    action: view.action,
    principal: view.principal,
    decision: view.decision,
    status: view.status,
    count: view.targets?.count,
    rules: [...new Set(view.reasons.map(reason => reason.rule))].join(' '),
    outcome: view.outcome?.status,
    reason: view.reason,
    ticket: view.ticket,
  };
  return `${columns.map(column => csvCell(cells[column])).join(',')}\r\n`;
}

/**
 * A cell. Text that a spreadsheet would take for a formula gets an apostrophe in front: reasons and tickets are written by
 * clients, and an auditor's spreadsheet is no place for them to run. The exact text is in JSON and NDJSON.
 */
export function csvCell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const harmless = /^[\s]*[=+\-@\uff1d\uff0b\uff0d\uff20|]|^[\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
