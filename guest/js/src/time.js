// Times: milliseconds here, as everywhere in JavaScript; nanoseconds in the contract with the host.

/** Milliseconds as nanoseconds; `undefined`, `null` and `Infinity` are no bound. */
export function nanoseconds(milliseconds) {
  if (milliseconds === undefined || milliseconds === null || milliseconds === Infinity) return undefined;
  const time = Number(milliseconds);
  if (!(time >= 0)) throw new RangeError(`a time must be 0 or more milliseconds, not ${milliseconds}`);
  const longest = 2n ** 64n - 1n;
  const exact = BigInt(Math.round(time * 1e6));
  return exact > longest ? longest : exact;
}
