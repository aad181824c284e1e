/** What the start script tells a person: steps with their time, and one sentence when something is not possible. */

/** Ends the command with its message as the only output and exit code 1. */
export class NotPossible extends Error {}

/** Runs one long step: a line at its start, signs of life while it lasts, its time at the end. */
export async function step(title, work) {
  const began = Date.now();
  const seconds = () => ((Date.now() - began) / 1000).toFixed(1);
  const live = process.stderr.isTTY === true;
  if (live) process.stderr.write(`${title} ...`);
  else console.error(`${title} ...`);
  const sign = setInterval(
    () =>
      live
        ? process.stderr.write(`\r${title} ... ${Math.round((Date.now() - began) / 1000)} s`)
        : console.error(`${title} ... ${seconds()} s`),
    live ? 1_000 : 15_000,
  );
  let ended = 'stopped';
  try {
    const result = await work();
    ended = 'ready';
    return result;
  } finally {
    clearInterval(sign);
    if (live) process.stderr.write(`\r${title} ... ${ended} in ${seconds()} s\n`);
    else console.error(`${title} ... ${ended} in ${seconds()} s`);
  }
}
