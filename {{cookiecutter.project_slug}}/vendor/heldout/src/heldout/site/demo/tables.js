/** Rows of a table -> arrays, as heldout/readers.py makes them; and the columns that a prediction rests on. */
import { csv, parsed } from "./csv.js";
import { InputError, decision, effects, element, number } from "./predict.js";

const fields = [...document.querySelectorAll("[data-column]")];
let base; // the row whose values the fields show and change

/** The first row of a file as the model takes it: x float32 (columns,); without a file the typical row. */
export async function read(file, { schema }) {
  const input = file ? await first(file, schema) : { x: typical(schema), note: "" };
  base = input.x;
  for (const field of fields) {
    const i = schema.columns.findIndex(({ name }) => name === field.dataset.column);
    field.value = Number.isNaN(base[i]) ? "" : text(base[i], schema.columns[i]);
  }
  return input;
}

/** The first row of a file, and a note if there are more. */
async function first(file, { columns }) {
  const { names, count, column, parse } = await csv(file);
  const missing = columns.map(({ name }) => name).filter((name) => !names.includes(name));
  if (missing.length)
    throw new InputError(
      `${file.name}: no column ${missing.slice(0, 5).join(", ")}; ${columns.length} columns are needed`,
    );
  const x = columns.map(({ name, values }) => {
    const [text] = column(name);
    const value = values ? code(text, values) : parse(text);
    if (value === undefined)
      throw new InputError(`${file.name}: row 2, column ${name}: '${text}' is no finite number`);
    return value;
  });
  const note = count > 1 ? ` The file has ${count} rows; this is the first.` : "";
  return { x: Float32Array.from(x), note };
}

/** The position of a text among those the model was trained on; NaN for any other. */
function code(text, values) {
  return values.includes(text) ? values.indexOf(text) : NaN;
}

/** The typical value of each column as the model takes it. */
function typical({ columns }) {
  return Float32Array.from(columns, ({ typical, values }) => (values ? code(typical, values) : typical));
}

/** A value of x as a person would write it: the fewest digits that give the same float32. */
function text(value, { values }) {
  if (Number.isNaN(value)) return "missing";
  if (values) return values[value];
  const rounded = [6, 7, 8, 9].map((digits) => +value.toPrecision(digits));
  return String(rounded.find((near) => Math.fround(near) === value));
}

/** Predicts whenever a value is changed. */
export function start(facts, request) {
  read(null, facts);
  let wait;
  for (const field of fields)
    field.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(() => request(() => changed(facts), false), 300);
    });
  document.querySelector("form.demo").addEventListener("submit", () => request(() => changed(facts)));
}

/** The row with the values of the fields in it. */
function changed({ schema: { columns } }) {
  const x = base.slice();
  const stop = (field) => {
    throw new InputError(`${field.labels[0].firstChild.textContent.trim()}: give a finite number`);
  };
  for (const field of fields) {
    const i = columns.findIndex(({ name }) => name === field.dataset.column);
    const { values } = columns[i];
    if (field.validity.badInput) stop(field);
    x[i] = values ? code(field.value, values) : (parsed(field.value) ?? stop(field));
  }
  return { x, note: "" };
}

/** Title, text, values and explanation of the prediction for a row. */
export async function predict(model, { x, note }, facts) {
  const { schema } = facts;
  const [values] = await model(x, [1, x.length]);
  const explain = async () => [await reasons(model, x, schema)];
  if (schema.task === "regression") {
    const size = Math.max(...values.map(Math.abs));
    const [low, middle, high] = values.map((value) => number(value, size));
    return { title: middle, text: `${schema.names.target}; 80% interval ${low} to ${high}.${note}`, values, explain };
  }
  const [probability] = values;
  const { title, text } = decision(probability, facts);
  return { title, text: text + note, probability, values, explain };
}

/** The columns that change the prediction most: name, value, effect. */
async function reasons(model, x, schema) {
  const changes = await attributions(model, x, schema);
  const moved = [...changes.keys()].filter((i) => changes[i]);
  if (!moved.length) return element("p", { textContent: "Every value is typical, so no column changes the prediction." });
  const top = moved.sort((a, b) => Math.abs(changes[b]) - Math.abs(changes[a])).slice(0, 6);
  const name = (i) => schema.column_names?.[schema.columns[i].name] ?? schema.columns[i].name;
  const rows = top.map((i) => [name(i), text(x[i], schema.columns[i]), changes[i]]);
  const unit = schema.task === "regression" ? "units of the prediction" : "log-odds";
  return effects(`Effect of each value compared with the typical one, in ${unit}`, ["column", "value", "effect"], rows);
}

/** How much the prediction for x (columns,) would change if a column were typical instead: (columns,), 0 if it is. */
async function attributions(model, x, schema) {
  const usual = typical(schema);
  const hidden = new Float32Array(x.length * (x.length + 1));
  for (let i = 0; i <= x.length; i++) {
    hidden.set(x, i * x.length);
    if (i < x.length) hidden[i * x.length + i] = usual[i];
  }
  const [values] = await model(hidden, [x.length + 1, x.length]);
  const level = (i) => (schema.task === "regression" ? values[3 * i + 1] : logit(values[i]));
  return Float32Array.from(x, (value, i) => (value === usual[i] ? 0 : level(x.length) - level(i)));
}

/** Log-odds of a probability. */
function logit(probability) {
  const clipped = Math.min(Math.max(probability, 1e-6), 1 - 1e-6);
  return Math.log(clipped / (1 - clipped));
}
