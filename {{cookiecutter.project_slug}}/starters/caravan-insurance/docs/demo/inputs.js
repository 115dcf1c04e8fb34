/** Rows of a table -> arrays, as inputs.py makes them; and what spoke for an answer. */
import { BadInput, element, number, percent } from "./predict.js";

const MISSING = /^(|#?n\/?a|<na>|-?nan|null|none)$/;
const GROUPED = /^\s*[-+]?\d{1,3}(\.\d{3})+(,\d+)?\s*$/; // beside decimal commas: 3.477 may be 3477
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/;
const fields = [...document.querySelectorAll("[data-column]")];
let base; // the row whose values the fields show and change

/** The first row of a file as the model takes it: x float32 (columns,); without a file the typical row. */
export async function read(file, { schema }) {
  const found = file ? await first(file, schema) : { x: typical(schema), note: "" };
  base = found.x;
  for (const field of fields) {
    const place = schema.columns.findIndex(({ name }) => name === field.dataset.column);
    field.value = Number.isNaN(base[place]) ? "" : text(base[place], schema.columns[place]);
  }
  return found;
}

/** The first row of a file, and what else is in it. */
async function first(file, { columns }) {
  const { names, count, column, parse } = await csv(file);
  const missing = columns.map(({ name }) => name).filter((name) => !names.includes(name));
  if (missing.length)
    throw new BadInput(
      `${file.name}: no column ${missing.slice(0, 5).join(", ")}; ${columns.length} columns are needed`,
    );
  const x = columns.map(({ name, values }) => {
    const [text] = column(name);
    const found = values ? code(text, values) : parse(text);
    if (found === undefined)
      throw new BadInput(`${file.name}: row 2, column ${name}: '${text}' is no finite number`);
    return found;
  });
  return {
    x: Float32Array.from(x),
    note: count > 1 ? ` The file has ${count} rows; this is the first.` : "",
  };
}

/** The place of a text among those that the model knows; NaN for any other. */
function code(text, values) {
  return values.includes(text) ? values.indexOf(text) : NaN;
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

/** The typical value of each column as the model takes it. */
function typical({ columns }) {
  return Float32Array.from(columns, ({ typical, values }) => (values ? code(typical, values) : typical));
}

/** A value of x as a person would write it. */
function text(value, { values }) {
  if (Number.isNaN(value)) return "missing";
  return values
    ? values[value]
    : String(
        [6, 7, 8, 9].map((digits) => +value.toPrecision(digits)).find((near) => Math.fround(near) === value),
      );
}

/** Answers whenever a value is changed. */
export function start(facts, ask) {
  read(null, facts);
  let wait;
  for (const field of fields)
    field.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(() => ask(() => changed(facts), false), 300);
    });
  document.querySelector("form.demo").addEventListener("submit", () => ask(() => changed(facts)));
}

/** The row with the values of the fields in place of its own. */
function changed({ schema: { columns } }) {
  const x = base.slice();
  const stop = (field) => {
    throw new BadInput(`${field.labels[0].firstChild.textContent.trim()}: give a finite number`);
  };
  for (const field of fields) {
    const place = columns.findIndex(({ name }) => name === field.dataset.column);
    const { values } = columns[place];
    if (field.validity.badInput) stop(field);
    x[place] = values ? code(field.value, values) : (parsed(field.value) ?? stop(field));
  }
  return { x, note: "" };
}

/** What the page says and shows for a row. */
export async function answer(model, { x, note }, { schema, story, threshold }) {
  const { answer: values } = await model(x, [1, x.length]);
  const why = async () => [await reasons(model, x, schema, story)];
  if (schema.task === "regression") {
    const size = Math.max(...values.map(Math.abs));
    const [low, middle, high] = values.map((value) => number(value, size));
    return { title: middle, text: `${story.target}; 80% interval ${low} to ${high}.${note}`, values, why };
  }
  const [share] = values;
  const chance = `This ${story.unit} has a chance of ${percent(share, 1)} (${story.positive})`;
  const rule = `from ${percent(threshold, 1)} on: ${story.flag}, which costs least in the long run`;
  return {
    title: share >= threshold ? story.flag : story.pass,
    text: `${chance}; ${rule}.${note}`,
    share,
    values,
    why,
  };
}

/** The columns that moved the answer most: which, their value, by how much. */
async function reasons(model, x, schema, story) {
  const found = await explain(model, x, schema);
  const moved = [...found.keys()].filter((i) => found[i]);
  if (!moved.length) return element("p", { textContent: "Every value is typical: none moved the answer." });
  const top = moved.sort((a, b) => Math.abs(found[b]) - Math.abs(found[a])).slice(0, 6);
  const name = (i) => story.names[schema.columns[i].name] ?? schema.columns[i].name;
  const rows = top.map((i) => [name(i), text(x[i], schema.columns[i]), found[i]]);
  const unit = schema.task === "regression" ? "units of the answer" : "log-odds";
  return listed(`What moved it away from the typical value, in ${unit}`, ["column", "value", "by"], rows);
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

/** How much the answer for x (columns,) would change if a column were typical instead: (columns,), 0 if it is. */
async function explain(model, x, schema) {
  const usual = typical(schema);
  const hidden = new Float32Array(x.length * (x.length + 1));
  for (let i = 0; i <= x.length; i++) {
    hidden.set(x, i * x.length);
    if (i < x.length) hidden[i * x.length + i] = usual[i];
  }
  const { answer } = await model(hidden, [x.length + 1, x.length]);
  const level = (i) => (schema.task === "regression" ? answer[3 * i + 1] : logit(answer[i]));
  return Float32Array.from(x, (value, i) => (value === usual[i] ? 0 : level(x.length) - level(i)));
}

/** Log-odds of a chance. */
function logit(share) {
  const kept = Math.min(Math.max(share, 1e-6), 1 - 1e-6);
  return Math.log(kept / (1 - kept));
}
