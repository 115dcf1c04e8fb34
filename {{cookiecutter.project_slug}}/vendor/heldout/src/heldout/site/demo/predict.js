/** model.onnx on onnxruntime-web: the same file that was evaluated, in the visitor's browser. */

// onnxruntime-web 1.30.0, compressed. No name ends in .gz: some servers would unpack such a file on the way.
const RUNTIME = {
  "ort.js.gzip": "sha256-PUnw5MReKRB+sgo/1+Wil7Fd+mNaAQhA/Ca0K1KmE6Y=",
  "ort.wasm.gzip": "sha256-v5M5MLyQz09hPzbNxBYWtUz9LpkwR4tXSu1u1O+f+Mo=",
};
const BATCH = 3_000_000; // values that go through the model together, as in heldout/onnx.py

/** A file or value that cannot be used; the message is one sentence that says what would be right. */
export class InputError extends Error {}

/** The model: (x, shape) -> its outputs in order, each an array over all rows of x. The first is the prediction. */
export async function open({ integrity }) {
  const [code, wasm, graph] = await Promise.all([
    load("ort.js.gzip").then(unpack),
    load("ort.wasm.gzip").then(unpack),
    load("model.onnx", integrity).then((response) => response.arrayBuffer()),
  ]);
  const ort = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = 1; // more threads need headers that a plain host does not send
  const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
  const [input] = session.inputNames;
  return async (x, shape) => {
    const type = x instanceof Float32Array ? "float32" : "uint8";
    const row = x.length / shape[0];
    const step = Math.max(1, Math.floor(BATCH / row)) * row;
    const outputs = session.outputNames.map(() => []);
    for (let i = 0; i < x.length; i += step) {
      const rows = x.slice(i, i + step);
      const tensor = new ort.Tensor(type, rows, [rows.length / row, ...shape.slice(1)]);
      const results = await session.run({ [input]: tensor });
      session.outputNames.forEach((name, n) => (outputs[n] = [...outputs[n], ...results[name].data]));
      await new Promise((resume) => setTimeout(resume)); // lets the page respond
    }
    if (!outputs[0].every(Number.isFinite))
      throw new InputError("A value is far outside the training data, so the model gives no finite number.");
    return outputs;
  };
}

/** A file of this folder; the browser refuses it unless it has this hash, and asks for it anew if that changed. */
async function load(name, integrity = RUNTIME[name]) {
  const address = new URL(`${name}?${integrity}`, import.meta.url);
  const response = await fetch(address, { integrity }).catch(() => null);
  if (response?.ok) return response;
  throw new InputError(`${name} did not load, or its hash is not the published one. Check the connection and try again.`);
}

/** The bytes of a compressed file. */
function unpack(response) {
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** A number as text, with about four significant digits of the value `like`. */
export function number(value, like = value) {
  const digits = like ? Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(Math.abs(like))))) : 3;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share as text. */
export function percent(value, digits = 0) {
  return `${(100 * value).toFixed(digits)}%`;
}

/** Title and text of a decision: what to do, the probability and the threshold. */
export function decision(probability, { schema: { names }, threshold }) {
  const values = `probability of ${names.positive}: ${percent(probability, 1)}`;
  return {
    title: probability >= threshold ? names.flag : names.pass,
    text: `For this ${names.unit}, ${values}. Threshold: ${percent(threshold, 1)} (minimizes expected cost).`,
  };
}

/** An element with these properties and children. */
export function element(name, properties = {}, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

/** Rows of texts as a table; the last of each row is a number, with a bar that shows its size. */
export function effects(caption, names, rows) {
  const largest = Math.max(...rows.map((row) => Math.abs(row.at(-1)))) || 1;
  const cell = (value) => {
    if (typeof value !== "number") return element("td", { textContent: value });
    const textContent = `${value < 0 ? "" : "+"}${+value.toPrecision(3)}`;
    const created = element("td", { textContent, className: `effect ${value > 0 ? "up" : ""}` });
    created.style.cssText = `--from: ${Math.min(0, value / largest)}; --size: ${Math.abs(value / largest)}`;
    return created;
  };
  const table = element("table", {}, element("caption", { textContent: caption }));
  table.append(element("tr", {}, ...names.map((textContent) => element("th", { textContent, scope: "col" }))));
  table.append(...rows.map((row) => element("tr", {}, ...row.map(cell))));
  return table;
}
