/** CSV files as heldout/readers.py reads them. */
import { InputError } from "./predict.js";

const MISSING = /^(|#?n\/?a|<na>|-?nan|null|none)$/;
const GROUPED = /^\s*[-+]?\d{1,3}(\.\d{3})+(,\d+)?\s*$/; // beside decimal commas: 3.477 may be 3477
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/;

/** A file in UTF-8 with comma, semicolon or tab: names, number of rows, a column's texts, a text's number. */
export async function csv(file) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new InputError(`${file.name}: not UTF-8; give a CSV file and save it as UTF-8`);
  }
  const count = (separator) => text.split("\n", 1)[0].split(separator).length;
  const separator = [...",;\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}\r\n]*))(${separator}|\r?\n|\r|$)`, "gy");
  const lines = [[]];
  for (const [, quoted, plain, end] of text.matchAll(cell)) {
    lines.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== separator) lines.push([]);
  }
  const [names, ...rows] = lines.filter((line) => line.length > 1 || line[0]);
  if (!rows.length) throw new InputError(`${file.name}: no row; give a CSV file with column names and a row`);
  const decimal = /^\s*-?\d+,\d+\s*$/;
  const comma = separator !== "," && rows.slice(0, 49).some((row) => row.some((text) => decimal.test(text)));
  const point = (text) => (/^\s*[-+]?\d*,\d/.test(text) ? text.replace(",", ".") : text);
  const parse = (text) => {
    if (!comma) return parsed(text);
    return GROUPED.test(text) ? undefined : parsed(point(text));
  };
  const column = (name) => rows.map((row) => row[names.indexOf(name)] ?? "");
  return { names, count: rows.length, column, parse };
}

/** A text of a column of numbers: NaN if it is missing, undefined if it is no finite number. */
export function parsed(text) {
  const word = text.trim().toLowerCase();
  if (MISSING.test(word)) return NaN;
  if (word === "true" || word === "false") return Number(word === "true");
  return NUMBER.test(word) && Number.isFinite(Math.fround(Number(word))) ? Number(word) : undefined;
}
