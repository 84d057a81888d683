// Made by `interlock policy build` from policies/checks/*/manifest.yaml. Do not edit.

export const checkRules = {
  'blast_radius.max_targets': {
    step: 'decide',
    status: 403,
    title: 'Too many targets in one request',
    explain: '',
  },
} as const;

export type CheckRule = keyof typeof checkRules;
