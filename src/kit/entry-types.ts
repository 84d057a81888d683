/** What an entry of the audit trail can be: for those who write, read, publish and verify it. The database holds the same list (`entries_type`). */
export const ENTRY_TYPES = [
  'decision',
  'outcome',
  'kill_switch',
  'inventory',
  'policy',
  'clock',
  'evidence',
] as const;

export type EntryType = (typeof ENTRY_TYPES)[number];
