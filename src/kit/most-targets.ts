/** What one request may touch at most, named or selected. */
export const MAX_TARGETS = 200_000;
