/** Time series -> windows, as heldout/readers.py makes them; and the steps that a forecast rests on. */
import { csv } from "./csv.js";
import { InputError, effects, element, number } from "./predict.js";

const BLOCK = 6; // steps that an explanation hides together, as in explain.py
const TIME = /^(\d{4}[-/]\d\d[-/]\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:?\d\d)?$/;

/** The last window of a file of one series: x float32 (1, history, channels), its times and its target. */
export async function read(file, { schema }) {
  const { history, channels, series, step } = schema;
  const stop = (message) => {
    throw new InputError(`${file.name}: ${message}`);
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
        const value = parse(text);
        return value !== undefined
          ? value
          : stop(`row ${count - history + i + 2}, column ${name}: '${text}' ${wrong}`);
      });
  const [one, ...others] = new Set(last(schema.series_column, String));
  if (others.length) stop(`several series in the last ${history} rows; give those of one`);
  const times = last(schema.time, moment, "is not a time; write 2024-12-31 23:59");
  const present = (text) => parse(text) || (parse(text) === 0 ? 0 : undefined);
  const values = channels.map((name) => last(name, present, "is no finite number"));
  if (times.some((time, i) => i && Math.abs((time - times[i - 1]) / 1000 / step - 1) > 0.5))
    stop(`times must follow each other every ${step / 60} minutes`);
  if (series.length && !series.includes(one)) stop(`series ${one} is not in the training data; it has ${series.join(", ")}`);
  const is = series.map((name) => Number(name === one));
  const x = times.flatMap((time, i) => [...values.map((channel) => channel[i]), ...clock(time), ...is]);
  return { x: Float32Array.from(x), shape: [1, history, x.length / history], times, target: values[0] };
}

/** A time in milliseconds, in UTC if it has no zone; undefined if it is not a time. */
function moment(text) {
  const [, day, time = "00:00", zone = "Z"] = TIME.exec(text.trim().replaceAll("/", "-")) ?? [];
  const result = Date.parse(`${day}T${time}${zone.replace(/(\d\d)(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(result) || stamp(Date.parse(day)).slice(0, 10) !== day ? undefined : result;
}

/** A time as text. */
function stamp(time) {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}

/** Time of day as an angle: sine and cosine. */
function clock(time) {
  const turn = (2 * Math.PI * (Math.floor(time / 60_000) % 1440)) / 1440;
  return [Math.sin(turn), Math.cos(turn)];
}

/** Title, text, values and explanation of the forecast for a window. */
export async function predict(model, window, { schema }) {
  const [values] = await model(window.x, window.shape);
  const size = Math.max(...values.map(Math.abs));
  const [low, middle, high] = values.map((value) => number(value, size));
  const time = window.times.at(-1) + schema.horizon * schema.step * 1000;
  const { target } = schema.names;
  const now = number(window.target.at(-1), size);
  return {
    title: middle,
    text: `${target} at ${stamp(time)}; 80% interval ${low} to ${high}. Now: ${now}.`,
    values,
    explain: async (width) => [
      chart(window, time, values, width, target),
      await reasons(model, window, values[1], schema),
    ],
  };
}

/** The target in the window, and the forecast with its 80% interval, `width` pixels wide. */
function chart({ times, target }, end, [low, middle, high], width, label) {
  const [bottomValue, topValue] = [Math.min(low, ...target), Math.max(high, ...target)];
  const range = topValue - bottomValue || 1;
  const step = [0.2, 0.5, 1, 2]
    .map((part) => part * 10 ** Math.floor(Math.log10(range)))
    .find((part) => range / part <= 5);
  const ticks = [];
  for (let i = Math.ceil(bottomValue / step); i * step <= topValue; i++) ticks.push(i * step);
  const names = ticks.map((tick) => Number(tick.toPrecision(6)).toLocaleString("en-US"));
  const left = 12 + 8 * Math.max(...names.map((name) => name.length));
  const [right, top, bottom] = [width - 12, 12, 220];
  const across = (time) => left + ((time - times[0]) / (end - times[0])) * (right - left);
  const up = (value) => bottom - ((value - bottomValue) / range) * (bottom - top);
  const line = (tick, i) => `<path class="grid" d="M${left} ${up(tick)}H${right}"/>
    <text x="${left - 8}" y="${up(tick) + 4}" text-anchor="end">${names[i]}</text>`;
  const caption = `${label}: observed, and the forecast with its 80% interval`;
  const figure = element("figure", {
    innerHTML: `<svg viewBox="0 0 ${width} 250" role="img">${ticks.map(line).join("")}
    <text x="${left}" y="244">${stamp(times[0])}</text><text x="${right}" y="244" text-anchor="end">${stamp(end)}</text>
    <polyline points="${target.map((value, i) => `${across(times[i])},${up(value)}`).join(" ")}"/>
    <path class="ahead" d="M${across(times.at(-1))} ${up(target.at(-1))}L${right} ${up(middle)}"/>
    <path class="interval" d="M${right} ${up(low)}V${up(high)}M${right - 7} ${up(low)}h14M${right - 7} ${up(high)}h14"/>
    <circle cx="${right}" cy="${up(middle)}" r="6"/></svg>`,
  });
  figure.firstChild.ariaLabel = caption;
  figure.append(element("figcaption", { textContent: caption }));
  return figure;
}

/** The channels and times that change the forecast most. */
async function reasons(model, window, middle, schema) {
  const changes = await attributions(model, window, middle, schema);
  const top = changes.sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, 6);
  const name = (channel) => schema.column_names?.[schema.channels[channel]] ?? schema.channels[channel];
  const rows = top.map(({ channel, start, change }) => [name(channel), stamp(window.times[start]), change]);
  const caption = "Effect of each channel compared with its mean, in units of the forecast";
  return effects(caption, ["channel", "from", "effect"], rows);
}

/** How much the middle forecast changes if a channel has its mean in a block of steps instead. */
async function attributions(model, { x, shape: [, history, width] }, middle, { channels }) {
  const steps = [...Array(history).keys()];
  const mean = (channel) => steps.reduce((sum, step) => sum + x[step * width + channel], 0) / history;
  const changes = [];
  for (let start = 0; start < history; start += BLOCK) {
    const hidden = new Float32Array(channels.length * x.length);
    channels.forEach((_, channel) => {
      hidden.set(x, channel * x.length);
      for (const step of steps.slice(start, start + BLOCK))
        hidden[channel * x.length + step * width + channel] = mean(channel);
    });
    const [values] = await model(hidden, [channels.length, history, width]);
    channels.forEach((_, channel) => changes.push({ channel, start, change: middle - values[channel * 3 + 1] }));
  }
  return changes;
}
