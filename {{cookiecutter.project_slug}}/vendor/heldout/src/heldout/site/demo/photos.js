/** Photos -> arrays, to the byte as heldout/readers.py makes them; and the heat map of a prediction. */
import { InputError, decision, element } from "./predict.js";

const SIDES = [32, 4096]; // pixels, shortest and longest side of a photo that is accepted
const ORANGE = [213, 94, 0];
const BITS = 22; // of a weight, as in Pillow

/** One photo as the model takes it: x uint8 (1, side, side), or (1, side, side, 3) with color. */
export async function read(file, { schema }) {
  await check(file);
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options).catch(() => {
    throw new InputError(`${file.name}: damaged; save it again`);
  });
  const { width, height } = bitmap;
  if (Math.min(width, height) < SIDES[0] || Math.max(width, height) > SIDES[1])
    throw new InputError(
      `${file.name}: ${width} x ${height} pixels; each side must have ${SIDES.join(" to ")}`,
    );
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  for (let i = 3; i < pixels.length; i += 4)
    if (pixels[i] < 255)
      throw new InputError(`${file.name}: has transparent parts; save it without transparency`);
  const { channels, size } = schema;
  if (channels === 1)
    return { x: square(gray(pixels), height, width, 1, size), shape: [1, size, size], size, channels };
  const x = square(pixels, height, width, 4, size).filter((_, i) => i % 4 < 3);
  return { x, shape: [1, size, size, 3], size, channels };
}

/** Refuses a file that is not an 8-bit PNG or JPEG. */
async function check(file) {
  const start = new DataView(await file.slice(0, 26).arrayBuffer());
  const png = start.byteLength === 26 && start.getUint32(0) === 0x89504e47;
  if (!png && (start.byteLength < 26 || start.getUint16(0) !== 0xffd8))
    throw new InputError(`${file.name}: not a photo; give a PNG or JPEG file`);
  if (png && start.getUint8(24) === 16)
    throw new InputError(`${file.name}: more than 8 bits per channel; save it as an 8-bit PNG or JPEG`);
}

/** Pixels (n, 4) as gray values (n,), as in Pillow. */
function gray(pixels) {
  const values = new Uint8Array(pixels.length / 4);
  for (let i = 0, p = 0; i < values.length; i++, p += 4)
    values[i] = (pixels[p] * 19595 + pixels[p + 1] * 38470 + pixels[p + 2] * 7471 + 0x8000) >> 16;
  return values;
}

/** Pixels (height, width, channels) scaled to (size, size, channels). */
function square(pixels, height, width, channels, size) {
  return scaled(scaled(pixels, height, width, channels, size), 1, height, size * channels, size);
}

/** Pixels (outer, length, inner) scaled to (outer, size, inner), to the byte as Pillow's bilinear filter does. */
function scaled(pixels, outer, length, inner, size) {
  if (length === size) return Uint8Array.from(pixels);
  const result = new Uint8Array(outer * size * inner);
  const taps = Array.from({ length: size }, (_, i) => tap(i, length, size));
  for (let o = 0, next = 0; o < outer; o++)
    for (const [first, weights] of taps)
      for (let n = 0; n < inner; n++) {
        let sum = 2 ** (BITS - 1);
        for (let j = 0, p = (o * length + first) * inner + n; j < weights.length; j++, p += inner)
          sum += weights[j] * pixels[p];
        result[next++] = sum >> BITS;
      }
  return result;
}

/** The pixels of a line (length,) that mix to pixel i of a line (size,): index of the first, and weights. */
function tap(i, length, size) {
  const reach = Math.max(length / size, 1);
  const center = ((i + 0.5) * length) / size;
  const first = Math.max(0, Math.trunc(center - reach + 0.5));
  const count = Math.min(length, Math.trunc(center + reach + 0.5)) - first;
  const near = (j) => 1 - Math.min(1, Math.abs((first + j - center + 0.5) / reach));
  const raw = Float64Array.from({ length: count }, (_, j) => near(j));
  const total = raw.reduce((sum, value) => sum + value);
  return [first, raw.map((value) => Math.trunc(0.5 + (value / total) * 2 ** BITS))];
}

/** Title, text, values and explanation of the prediction for a photo. */
export async function predict(model, { x, shape, size, channels }, facts) {
  const [[probability], heat] = await model(x, shape);
  const { names } = facts.schema;
  const explain = async () => (heat ? [figure(x, size, channels, heat, names)] : []);
  return { ...decision(probability, facts), probability, values: [probability], explain };
}

/** The photo, orange where the heat map raises the probability of a positive. */
function figure(x, size, channels, heat, names) {
  const canvas = element("canvas", { width: size, height: size, role: "img" });
  const rows = Math.sqrt(heat.length);
  const top = Math.max(...heat, 1e-6);
  const peak = heat.indexOf(Math.max(...heat));
  const [line, column] = [Math.floor(peak / rows), peak % rows].map((index) => Math.floor((3 * index) / rows));
  const region = `${["top", "middle", "bottom"][line]} ${["left", "center", "right"][column]}`;
  const caption =
    heat[peak] > 0
      ? `Orange areas raise the probability of ${names.positive}, most of all the ${region}.`
      : `No area raises the probability of ${names.positive}.`;
  canvas.ariaLabel = `The ${names.unit}. ${caption}`;
  const context = canvas.getContext("2d");
  const pixel = (_, i) => (i % 4 === 3 ? 255 : x[channels === 1 ? i >> 2 : (i >> 2) * 3 + (i % 4)]);
  const pixels = Uint8ClampedArray.from({ length: 4 * size * size }, pixel);
  context.putImageData(new ImageData(pixels, size), 0, 0);
  const map = new OffscreenCanvas(rows, rows);
  const tint = heat.flatMap((value) => [...ORANGE, 255 * 0.7 * Math.max(0, value / top)]);
  map.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(tint), rows), 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(map, 0, 0, size, size);
  return element("figure", {}, canvas, element("figcaption", { textContent: caption }));
}
