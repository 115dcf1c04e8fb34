/** Photos -> arrays, to the byte as inputs.py makes them; and what spoke for an answer. */
import { BadInput, element, percent } from "./predict.js";

const SIDES = [32, 4096]; // pixels, shortest and longest side of a photo that is accepted
const ORANGE = [213, 94, 0];
const BITS = 22; // of a weight, as in Pillow

/** One photo as the model takes it: x uint8 (1, side, side), or (1, side, side, 3) with colours. */
export async function read(file, { schema }) {
  await check(file);
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(file, options).catch(() => {
    throw new BadInput(`${file.name}: damaged; save it anew`);
  });
  const { width, height } = bitmap;
  if (Math.min(width, height) < SIDES[0] || Math.max(width, height) > SIDES[1])
    throw new BadInput(
      `${file.name}: ${width} x ${height} pixels; each side must have ${SIDES.join(" to ")}`,
    );
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  for (let i = 3; i < pixels.length; i += 4)
    if (pixels[i] < 255)
      throw new BadInput(`${file.name}: parts of it are transparent; save it without transparency`);
  const { colours, size } = schema;
  if (colours === 1)
    return { x: square(grey(pixels), height, width, 1, size), shape: [1, size, size], size, colours };
  const x = square(pixels, height, width, 4, size).filter((_, i) => i % 4 < 3);
  return { x, shape: [1, size, size, 3], size, colours };
}

/** Stops at what is not a PNG or JPEG file of 8 bit. */
async function check(file) {
  const start = new DataView(await file.slice(0, 26).arrayBuffer());
  const png = start.byteLength === 26 && start.getUint32(0) === 0x89504e47;
  if (!png && (start.byteLength < 26 || start.getUint16(0) !== 0xffd8))
    throw new BadInput(`${file.name}: not a photo; give a PNG or JPEG file`);
  if (png && start.getUint8(24) === 16)
    throw new BadInput(`${file.name}: more than 8 bit a pixel; save it as an 8-bit PNG or JPEG`);
}

/** Pixels (n, 4) as grey values (n,), as in Pillow. */
function grey(pixels) {
  const made = new Uint8Array(pixels.length / 4);
  for (let i = 0, p = 0; i < made.length; i++, p += 4)
    made[i] = (pixels[p] * 19595 + pixels[p + 1] * 38470 + pixels[p + 2] * 7471 + 0x8000) >> 16;
  return made;
}

/** Pixels (height, width, channels) scaled to (size, size, channels). */
function square(pixels, height, width, channels, size) {
  return scaled(scaled(pixels, height, width, channels, size), 1, height, size * channels, size);
}

/** Pixels (outer, length, inner) scaled to (outer, size, inner), to the byte as Pillow's bilinear filter does. */
function scaled(pixels, outer, length, inner, size) {
  if (length === size) return Uint8Array.from(pixels);
  const made = new Uint8Array(outer * size * inner);
  const taps = Array.from({ length: size }, (_, i) => tap(i, length, size));
  for (let o = 0, at = 0; o < outer; o++)
    for (const [first, weights] of taps)
      for (let n = 0; n < inner; n++) {
        let sum = 2 ** (BITS - 1);
        for (let j = 0, p = (o * length + first) * inner + n; j < weights.length; j++, p += inner)
          sum += weights[j] * pixels[p];
        made[at++] = sum >> BITS;
      }
  return made;
}

/** From which pixels of a line (length,) pixel i of a line (size,) is mixed: the first of them, and weights. */
function tap(i, length, size) {
  const reach = Math.max(length / size, 1);
  const centre = ((i + 0.5) * length) / size;
  const first = Math.max(0, Math.trunc(centre - reach + 0.5));
  const count = Math.min(length, Math.trunc(centre + reach + 0.5)) - first;
  const near = (j) => 1 - Math.min(1, Math.abs((first + j - centre + 0.5) / reach));
  const raw = Float64Array.from({ length: count }, (_, j) => near(j));
  const total = raw.reduce((sum, value) => sum + value);
  return [first, raw.map((value) => Math.trunc(0.5 + (value / total) * 2 ** BITS))];
}

/** What the page says and shows for a photo. */
export async function answer(model, { x, shape, size, colours }, { story, threshold }) {
  const {
    answer: [share],
    explanation,
  } = await model(x, shape);
  const flagged = share >= threshold;
  const rule = `from ${percent(threshold, 1)} on: ${story.flag}, which costs least in the long run`;
  return {
    title: flagged ? story.flag : story.pass,
    text: `This ${story.unit} is ${percent(share, 1)} likely to be ${story.positive}; ${rule}.`,
    share,
    values: [share],
    why: async () => [figure(x, size, colours, explanation, story)],
  };
}

/** The photo, orange where the map speaks for a positive. */
function figure(x, size, colours, heat, story) {
  const canvas = element("canvas", { width: size, height: size, role: "img" });
  const rows = Math.sqrt(heat.length);
  const top = Math.max(...heat, 1e-6);
  const place = heat.indexOf(Math.max(...heat));
  const [line, column] = [Math.floor(place / rows), place % rows].map((at) => Math.floor((3 * at) / rows));
  const where = `${["top", "middle", "bottom"][line]} ${["left", "centre", "right"][column]}`;
  const spoke =
    heat[place] > 0
      ? `Orange spoke for ${story.positive}, most of all ${where}.`
      : `Nothing spoke for ${story.positive}.`;
  canvas.ariaLabel = `The ${story.unit}. ${spoke}`;
  const context = canvas.getContext("2d");
  const shade = (from) => Uint8ClampedArray.from({ length: 4 * size * size }, from);
  const pixel = (i) => (i % 4 === 3 ? 255 : x[colours === 1 ? i >> 2 : (i >> 2) * 3 + (i % 4)]);
  context.putImageData(
    new ImageData(
      shade((_, i) => pixel(i)),
      size,
    ),
    0,
    0,
  );
  const map = new OffscreenCanvas(rows, rows);
  const tint = heat.flatMap((value) => [...ORANGE, 255 * 0.7 * Math.max(0, value / top)]);
  map.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(tint), rows), 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(map, 0, 0, size, size);
  return element("figure", {}, canvas, element("figcaption", { textContent: spoke }));
}
