// Numbers, times and names, as people read them.

const WHOLE = new Intl.NumberFormat("en");

/** 1,234,567 */
export const grouped = (number) => (number == null ? "" : WHOLE.format(number));

/** 950, 12.3k, 1.20M: three digits are enough to compare. */
export function count(number) {
  if (number == null) return "";
  if (number < 1000) return String(number);
  const [scaled, unit] = number < 999_500 ? [number / 1e3, "k"] : [number / 1e6, "M"];
  return `${scaled < 10 ? scaled.toFixed(2) : scaled < 100 ? scaled.toFixed(1) : scaled.toFixed(0)}${unit}`;
}

/** 87 ms, 1.83 s, 2 m 05 s */
export function duration(ms) {
  if (ms == null) return "";
  if (ms < 1) return "<1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} m`;
}

/** $0.0002, $0.084, $12.30; "" if it is not known. */
export function dollars(cost) {
  if (cost == null) return "";
  if (cost === 0) return "$0";
  if (cost < 0.0001) return "<$0.0001";
  if (cost >= 1) return `$${cost.toFixed(2)}`;
  const digits = Math.min(8, Math.max(2, 1 - Math.floor(Math.log10(cost))));
  return `$${cost.toFixed(digits)}`;
}

/** 950 B, 12.3 KB, 4.10 MB */
export function bytes(number) {
  if (number == null) return "";
  if (number < 1000) return `${number} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let scaled = number;
  let unit = "";
  for (unit of units) {
    scaled /= 1000;
    if (scaled < 999.5) break;
  }
  return `${scaled < 10 ? scaled.toFixed(2) : scaled < 100 ? scaled.toFixed(1) : scaled.toFixed(0)} ${unit}`;
}

/** A share, 0 to 1, as 12 %. */
export const percent = (share) => (share == null ? "" : `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`);

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hour12: false });

/** The time of day; with the day if it is another one. */
export function time(at) {
  if (!at) return "";
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? TIME.format(date) : `${DAY.format(date)} ${TIME.format(date).slice(0, 5)}`;
}

/** The whole date and time. */
export const fullTime = (at) => (at ? FULL.format(new Date(at)) : "");

/** A thread's name, short: the short id of its first exchange, or what its app calls it. */
export function threadName(name) {
  if (!name) return "";
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(name) ? name.slice(-8) : name.length > 24 ? `${name.slice(0, 23)}…` : name;
}

/**
 * Text as it stands, with what would turn or hide other text made visible: controls of direction
 * (Unicode's bidi), zero-width characters and other controls are shown by their code.
 */
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu,
    (c) => `⟦U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟧`);
}
