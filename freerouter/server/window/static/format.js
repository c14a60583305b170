// Numbers and times in words. Times are in seconds since 1970, durations in seconds unless their name says ms.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

// The server's clock minus ours.
let skew = 0;

export const setNow = (server) => (skew = server - Date.now() / 1000);

export const now = () => Date.now() / 1000 + skew;

const local = (at) => new Date(Math.round(at - skew) * 1000);

export const timeOfDay = (at) => clock.format(local(at));

export const moment = (at) => clockWithSeconds.format(local(at));

export const iso = (at) => new Date(at * 1000).toISOString();

export function duration(seconds) {
  if (seconds < 1) return "a moment";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

export function ms(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1000) return `${Math.round(value)} ms`;
  return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`);

export function tokens(count) {
  if (count === null || count === undefined) return "–";
  if (count >= 1_000_000) return `${+(count / 1_000_000).toFixed(1)}M`;
  return count >= 1000 ? `${Math.round(count / 1000)}k` : String(count);
}

export const count = (number) => number.toLocaleString();

export const plural = (number, one, more) => `${count(number)} ${number === 1 ? one : more}`;

export function median(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

export const shortName = (id) => id.slice(id.indexOf("/") + 1).replace(/:free$/, "");

export const author = (id) => id.slice(0, Math.max(id.indexOf("/"), 0));
