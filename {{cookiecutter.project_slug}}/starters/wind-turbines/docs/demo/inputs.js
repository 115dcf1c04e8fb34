/** Time series -> windows, as inputs.py makes them; and what moved a forecast. */
import { BadInput, element, number } from "./predict.js";

const BLOCK = 6; // steps that an explanation hides together, as in inputs.py
const MISSING = /^(|#?n\/?a|<na>|-?nan|null|none)$/;
const GROUPED = /^\s*[-+]?\d{1,3}(\.\d{3})+(,\d+)?\s*$/; // beside decimal commas: 3.477 may be 3477
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/;
const TIME = /^(\d{4}[-/]\d\d[-/]\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:?\d\d)?$/;

/** The last window of a file of one series: x float32 (1, history, channels), its times and its target. */
export async function read(file, { schema }) {
  const { history, channels, series, step } = schema;
  const stop = (what) => {
    throw new BadInput(`${file.name}: ${what}`);
  };
  const { names, count, column, parse } = await csv(file);
  const needed = [schema.time, ...channels, ...(series.length ? [schema.series_column] : [])];
  const missing = needed.filter((name) => !names.includes(name));
  if (missing.length)
    stop(`no column ${missing.slice(0, 5).join(", ")}; a forecast needs ${needed.join(", ")}`);
  if (count < history) stop(`${count} rows; a forecast needs the last ${history}`);
  const last = (name, parse, wrong) =>
    column(name)
      .slice(-history)
      .map((text, i) => {
        const found = parse(text);
        return found !== undefined
          ? found
          : stop(`row ${count - history + i + 2}, column ${name}: '${text}' ${wrong}`);
      });
  const [one, ...others] = new Set(last(schema.series_column, String));
  if (others.length) stop(`several series in the last ${history} rows; give those of one`);
  const times = last(schema.time, moment, "is no time; write 2024-12-31 23:59");
  const present = (text) => parse(text) || (parse(text) === 0 ? 0 : undefined);
  const values = channels.map((name) => last(name, present, "is no finite number"));
  if (times.some((time, i) => i && Math.abs((time - times[i - 1]) / 1000 / step - 1) > 0.5))
    stop(`times must follow each other every ${step / 60} minutes`);
  if (series.length && !series.includes(one)) stop(`series ${one}; the model knows ${series.join(", ")}`);
  const is = series.map((name) => Number(name === one));
  const x = times.flatMap((time, i) => [...values.map((channel) => channel[i]), ...clock(time), ...is]);
  return { x: Float32Array.from(x), shape: [1, history, x.length / history], times, target: values[0] };
}

/** A CSV file (UTF-8; comma, semicolon or tab) as tables.py reads it: names, count of rows, a column's texts, a text's number. */
async function csv(file) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new BadInput(`${file.name}: not UTF-8; give a CSV file and save it as UTF-8`);
  }
  const count = (separator) => text.split("\n", 1)[0].split(separator).length;
  const separator = [...",;\t"].reduce((best, each) => (count(each) > count(best) ? each : best));
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}\r\n]*))(${separator}|\r?\n|\r|$)`, "gy");
  const lines = [[]];
  for (const [, quoted, plain, end] of text.matchAll(cell)) {
    lines.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== separator) lines.push([]);
  }
  const [names, ...rows] = lines.filter((line) => line.length > 1 || line[0]);
  if (!rows.length)
    throw new BadInput(`${file.name}: no row; give a CSV file with names of columns and a row`);
  const written = /^\s*-?\d+,\d+\s*$/;
  const comma = separator !== "," && rows.slice(0, 49).some((row) => row.some((text) => written.test(text)));
  const decimal = (text) => (/^\s*[-+]?\d*,\d/.test(text) ? text.replace(",", ".") : text);
  const parse = (text) => (comma ? (GROUPED.test(text) ? undefined : parsed(decimal(text))) : parsed(text));
  const column = (name) => rows.map((row) => row[names.indexOf(name)] ?? "");
  return { names, count: rows.length, column, parse };
}

/** A text of a column of numbers, NaN if it is missing; nothing if it is no finite number. */
function parsed(text) {
  const word = text.trim().toLowerCase();
  if (MISSING.test(word)) return NaN;
  if (word === "true" || word === "false") return Number(word === "true");
  return NUMBER.test(word) && Number.isFinite(Math.fround(Number(word))) ? Number(word) : undefined;
}

/** A time as milliseconds, in UTC if it has no zone; nothing if it is none. */
function moment(text) {
  const [, day, time = "00:00", zone = "Z"] = TIME.exec(text.trim().replaceAll("/", "-")) ?? [];
  const found = Date.parse(`${day}T${time}${zone.replace(/(\d\d)(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(found) || stamp(Date.parse(day)).slice(0, 10) !== day ? undefined : found;
}

/** A time as text. */
function stamp(time) {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}

/** Where the hand of a clock that turns once a day points: sine and cosine. */
function clock(time) {
  const turn = (2 * Math.PI * (Math.floor(time / 60_000) % 1440)) / 1440;
  return [Math.sin(turn), Math.cos(turn)];
}

/** What the page says and shows for a window. */
export async function answer(model, given, { schema, story }) {
  const { answer: values } = await model(given.x, given.shape);
  const size = Math.max(...values.map(Math.abs));
  const [low, middle, high] = values.map((value) => number(value, size));
  const when = given.times.at(-1) + schema.horizon * schema.step * 1000;
  return {
    title: middle,
    text: `${story.target} at ${stamp(when)}; 80% interval ${low} to ${high}. Now: ${number(given.target.at(-1), size)}.`,
    values,
    why: async (width) => [
      chart(given, when, values, width, story),
      await reasons(model, given, values[1], schema, story),
    ],
  };
}

/** The target in the window, and the forecast with its 80% interval, `width` pixels wide. */
function chart({ times, target }, when, [low, middle, high], width, story) {
  const [least, most] = [Math.min(low, ...target), Math.max(high, ...target)];
  const range = most - least || 1;
  const step = [0.2, 0.5, 1, 2]
    .map((part) => part * 10 ** Math.floor(Math.log10(range)))
    .find((part) => range / part <= 5);
  const ticks = [];
  for (let i = Math.ceil(least / step); i * step <= most; i++) ticks.push(i * step);
  const names = ticks.map((tick) => Number(tick.toPrecision(6)).toLocaleString("en-US"));
  const left = 12 + 8 * Math.max(...names.map((name) => name.length));
  const [right, top, bottom] = [width - 12, 12, 220];
  const across = (time) => left + ((time - times[0]) / (when - times[0])) * (right - left);
  const up = (value) => bottom - ((value - least) / range) * (bottom - top);
  const line = (tick, i) => `<path class="grid" d="M${left} ${up(tick)}H${right}"/>
    <text x="${left - 8}" y="${up(tick) + 4}" text-anchor="end">${names[i]}</text>`;
  const caption = `${story.target}: so far, and the forecast with its 80% interval`;
  const made = element("figure", {
    innerHTML: `<svg viewBox="0 0 ${width} 250" role="img">${ticks.map(line).join("")}
    <text x="${left}" y="244">${stamp(times[0])}</text><text x="${right}" y="244" text-anchor="end">${stamp(when)}</text>
    <polyline points="${target.map((value, i) => `${across(times[i])},${up(value)}`).join(" ")}"/>
    <path class="ahead" d="M${across(times.at(-1))} ${up(target.at(-1))}L${right} ${up(middle)}"/>
    <path class="interval" d="M${right} ${up(low)}V${up(high)}M${right - 7} ${up(low)}h14M${right - 7} ${up(high)}h14"/>
    <circle cx="${right}" cy="${up(middle)}" r="6"/></svg>`,
  });
  made.firstChild.ariaLabel = caption;
  made.append(element("figcaption", { textContent: caption }));
  return made;
}

/** What moved the forecast most: channel, from when on, by how much. */
async function reasons(model, given, middle, schema, story) {
  const found = await explain(model, given, middle, schema);
  const top = found.sort((a, b) => Math.abs(b.by) - Math.abs(a.by)).slice(0, 6);
  const name = (channel) => story.names[schema.channels[channel]] ?? schema.channels[channel];
  const rows = top.map(({ channel, start, by }) => [name(channel), stamp(given.times[start]), by]);
  return listed("What moved it, in units of the forecast", ["what", "from", "by"], rows);
}

/** Rows of texts as a table; the last of each row is a number, with a bar that shows its size. */
function listed(caption, names, rows) {
  const most = Math.max(...rows.map((row) => Math.abs(row.at(-1)))) || 1;
  const cell = (value) => {
    const moved = typeof value === "number";
    const textContent = moved ? `${value < 0 ? "" : "+"}${+value.toPrecision(3)}` : value;
    const made = element("td", { textContent, className: moved ? `moved ${value > 0 ? "up" : ""}` : "" });
    made.style.cssText = moved
      ? `--from: ${Math.min(0, value / most)}; --size: ${Math.abs(value / most)}`
      : "";
    return made;
  };
  const made = element("table", {}, element("caption", { textContent: caption }));
  made.append(element("tr", {}, ...names.map((textContent) => element("th", { textContent, scope: "col" }))));
  made.append(...rows.map((row) => element("tr", {}, ...row.map(cell))));
  return made;
}

/** How much the middle forecast owes to each channel in each block of steps: what changes at the channel's mean. */
async function explain(model, { x, shape: [, history, width] }, middle, { channels }) {
  const steps = [...Array(history).keys()];
  const mean = (channel) => steps.reduce((sum, step) => sum + x[step * width + channel], 0) / history;
  const found = [];
  for (let start = 0; start < history; start += BLOCK) {
    const hidden = new Float32Array(channels.length * x.length);
    channels.forEach((_, channel) => {
      hidden.set(x, channel * x.length);
      for (const step of steps.slice(start, start + BLOCK))
        hidden[channel * x.length + step * width + channel] = mean(channel);
    });
    const { answer } = await model(hidden, [channels.length, history, width]);
    channels.forEach((_, channel) => found.push({ channel, start, by: middle - answer[channel * 3 + 1] }));
  }
  return found;
}
