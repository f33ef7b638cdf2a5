/* when.js - times and days as people say them.
 *
 *   timeOf(ms)      09:03, as the reader's country writes it
 *   dayName(ms)     Today, Yesterday, Monday, Saturday 22 November, with the year when it is another one
 *   shortWhen(ms)   for a list: 14:03, Yesterday, Mon, 22 Nov, 22 Nov 2024
 *   fullWhen(ms)    everything, for a tooltip
 *   dayOf(ms)       the same for all moments of a day
 *   onNewDay(run)   calls run() after midnight: "Today" has become "Yesterday" */

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const english = (options) => new Intl.DateTimeFormat('en-GB', options);
const weekday = english({ weekday: 'long' });
const shortWeekday = english({ weekday: 'short' });
const date = english({ weekday: 'long', day: 'numeric', month: 'long' });
const dateWithYear = english({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const shortDate = english({ day: 'numeric', month: 'short' });
const shortDateWithYear = english({ day: 'numeric', month: 'short', year: 'numeric' });

const CHECK_MS = 30000;

export const timeOf = (ms) => time.format(ms);
export const fullWhen = (ms) => `${dateWithYear.format(ms)}, ${timeOf(ms)}`;
export const dayOf = (ms) => new Date(ms).setHours(0, 0, 0, 0);

/* Days between two moments by the calendar: rounding takes care of days of 23 and 25 hours. */
const daysAgo = (ms, now) => Math.round((dayOf(now) - dayOf(ms)) / 86400000);
const sameYear = (ms, now) => new Date(ms).getFullYear() === new Date(now).getFullYear();

export function dayName(ms, now = Date.now()) {
  const days = daysAgo(ms, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(ms);
  return (sameYear(ms, now) ? date : dateWithYear).format(ms);
}

export function shortWhen(ms, now = Date.now()) {
  const days = daysAgo(ms, now);
  if (days === 0) return timeOf(ms);
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return shortWeekday.format(ms);
  return (sameYear(ms, now) ? shortDate : shortDateWithYear).format(ms);
}

export function onNewDay(run) {
  let today = dayOf(Date.now());
  setInterval(() => {
    if (dayOf(Date.now()) === today) return;
    today = dayOf(Date.now());
    run();
  }, CHECK_MS);
}
