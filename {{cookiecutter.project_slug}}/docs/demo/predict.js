/** model.onnx on onnxruntime-web: what predict.py does, in the visitor's browser. */

// onnxruntime-web 1.30.0 as published, packed. No name ends in .gz: some servers would unpack it on the way.
const RUNTIME = {
  "ort.js.gzip": "sha256-PUnw5MReKRB+sgo/1+Wil7Fd+mNaAQhA/Ca0K1KmE6Y=",
  "ort.wasm.gzip": "sha256-v5M5MLyQz09hPzbNxBYWtUz9LpkwR4tXSu1u1O+f+Mo=",
};
const BATCH = 3_000_000; // values that go through the model together, as in predict.py

/** What is wrong with a file or a value, and what would be right, in one sentence. */
export class BadInput extends Error {}

/** The model: (x, shape) -> every output of the graph by name, for all rows of x. */
export async function open({ integrity }) {
  const [code, wasm, graph] = await Promise.all([
    load("ort.js.gzip").then(unpack),
    load("ort.wasm.gzip").then(unpack),
    load("model.onnx", integrity).then((answer) => answer.arrayBuffer()),
  ]);
  const ort = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  ort.env.wasm.wasmBinary = wasm;
  ort.env.wasm.numThreads = 1; // more need headers that a plain host does not send
  const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
  return async (x, shape) => {
    const type = x instanceof Float32Array ? "float32" : "uint8";
    const row = x.length / shape[0];
    const step = Math.max(1, Math.floor(BATCH / row)) * row;
    const outputs = {};
    for (let i = 0; i < x.length; i += step) {
      const part = x.slice(i, i + step);
      const tensor = new ort.Tensor(type, part, [part.length / row, ...shape.slice(1)]);
      const found = await session.run({ x: tensor });
      for (const name in found) outputs[name] = [...(outputs[name] ?? []), ...found[name].data];
      await new Promise((resume) => setTimeout(resume)); // the page stays alive
    }
    if (!outputs.answer.every(Number.isFinite))
      throw new BadInput("A value is far from all that the network has seen.");
    return outputs;
  };
}

/** A file of this folder; the browser refuses it unless it has this hash, and asks for it anew if that changed. */
async function load(name, integrity = RUNTIME[name]) {
  const address = new URL(`${name}?${integrity}`, import.meta.url);
  const answer = await fetch(address, { integrity }).catch(() => null);
  if (answer?.ok) return answer;
  throw new BadInput(`${name} did not load, or is not what was published. Try again with a network.`);
}

/** The bytes of a packed file. */
function unpack(answer) {
  return new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** A number as text, with about four digits of the value `like`. */
export function number(value, like = value) {
  const digits = like ? Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(Math.abs(like))))) : 3;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share as text. */
export function percent(value, digits = 0) {
  return `${(100 * value).toFixed(digits)}%`;
}

/** An element with these properties and children. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
