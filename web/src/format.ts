// Numbers and times for people.

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** figure formats a number with about three digits: 1,234, 56.7, 0.12. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toFixed(1))}M`;
  if (size >= 100 || Number.isInteger(value)) return number.format(value);
  return String(Number(value.toFixed(size >= 10 ? 1 : 2)));
}

/** milliseconds formats a time: 0.8 ms, 120 ms, 2.5 s. */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${figure(value < 10 ? Number(value.toFixed(1)) : Math.round(value))} ms` : `${figure(value / 1000)} s`;
}

/** bytes formats an amount of memory in powers of 1024. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const mebibytes = value / 2 ** 20;
  return mebibytes < 1024 ? `${figure(Math.round(mebibytes))} MiB` : `${figure(mebibytes / 1024)} GiB`;
}

/** percent formats a part of one. */
export const percent = (part: number | null) => (part === null ? "–" : `${figure(Number((100 * part).toFixed(part < 0.1 ? 1 : 0)))} %`);

/** span formats a time in seconds: 12 s, 5 min, 3 h 20 min, 2 d 4 h. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  const [large, small, units] = whole < 86_400
    ? [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), ["h", "min"]]
    : [Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3600), ["d", "h"]];
  return small > 0 ? `${large} ${units[0]} ${small} ${units[1]}` : `${large} ${units[0]}`;
}

/** ago returns how long ago a timestamp was. */
export const ago = (timestamp: string | undefined, now: number) => (timestamp ? span(now - Date.parse(timestamp) / 1000) : "–");

const timeOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** clock formats the time of day. */
export const clock = (time: number | string) => timeOfDay.format(typeof time === "number" ? time * 1000 : Date.parse(time));

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** moment formats a time: of the last 20 hours the time of day, else the day and the minute. */
export function moment(time: number | string, now: number): string {
  const seconds = typeof time === "number" ? time : Date.parse(time) / 1000;
  return now - seconds < 72_000 ? clock(seconds) : `${day.format(1000 * seconds)} ${clock(seconds).slice(0, 5)}`;
}

/** short returns the part of an id that people need to tell instances apart. */
export const short = (id: string) => id.slice(0, 8);

/** arrows writes the arrows of a reason as such: 2 → 4. */
export const arrows = (text: string) => text.replaceAll("->", "→");

/** plural returns a number with its noun: 1 instance, 2 instances. */
export const plural = (n: number, noun: string) => `${figure(n)} ${noun}${n === 1 ? "" : "s"}`;
