/**
 * What a work gives if it gives it in time, else `late()`, thrown. The work itself is not ended: whoever gave it a resource
 * must not count on having it back.
 */
export async function inTime<T>(work: Promise<T>, withinMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), withinMs);
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
