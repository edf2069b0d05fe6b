/** Formatting of times. */

/**
 * Formats a time as on a clock: 1:13 or 1:02:13.
 *
 * @param {number} seconds
 * @param {number} decimals the number of decimals of the seconds.
 * @returns {string}
 */
export function clock(seconds, decimals = 0) {
  const unit = 10 ** decimals;
  const units = Math.round(Math.max(0, seconds) * unit);
  const hours = Math.floor(units / (3600 * unit));
  const minutes = Math.floor(units / (60 * unit)) % 60;
  const rest = ((units % (60 * unit)) / unit).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Formats a duration: 3.2 s below a minute, then 5 min 12 s. */
export function lasting(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)}\u00a0s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const parts = [hours && `${hours}\u00a0h`, minutes && `${minutes}\u00a0min`, whole % 60 && `${whole % 60}\u00a0s`];
  return parts.filter(Boolean).join(" ");
}
