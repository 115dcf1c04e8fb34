/** The demo page: inputs and outputs only. predict.js runs the model; photos.js, tables.js or series.js reads the data. */
import { InputError, element, open, percent } from "./predict.js";

const MAX_MEGABYTES = 10; // of a file, as in app.py
const form = document.querySelector("form.demo");
const facts = JSON.parse(document.querySelector("#facts").textContent);
const status = form.querySelector("[role=status]");
const output = form.querySelector(".output");
const data = await import(`./${form.dataset.kind}.js`);
let model = null; // set by the first prediction
let opening = null; // the promise of it
let turn = 0; // a prediction is dropped if the visitor has asked for another one meanwhile
let queue = Promise.resolve(); // the model does one thing at a time

/** Shows the prediction for what `read` returns; where it lies below the screen, the page scrolls to it. */
function request(read, scroll = true) {
  const own = ++turn;
  form.setAttribute("aria-busy", "true");
  queue = queue.then(async () => {
    if (own !== turn) return;
    try {
      await predict(await read(), own);
    } catch (error) {
      const expected = error instanceof InputError;
      report("No prediction", expected ? error.message : `This browser cannot run the model (${error.message}).`);
      output.replaceChildren();
      form.classList.remove("flagged");
      delete form.dataset.prediction;
    }
    if (own === turn) form.removeAttribute("aria-busy");
    const below = status.getBoundingClientRect().bottom > window.innerHeight;
    if (scroll && below) status.parentElement.scrollIntoView();
  });
}

/** Prediction, decision and explanation for one input, unless a newer request has come. */
async function predict(input, own) {
  if (!model) {
    report("Loading the model ...");
    model = await prepare();
    keep().catch(() => null); // a page that cannot be kept still works online
  }
  const result = await data.predict(model, input, facts);
  if (own !== turn) return;
  form.dataset.prediction = result.values.join(" ");
  report(result.title, result.text);
  form.classList.toggle("flagged", result.probability >= facts.threshold);
  const scale = result.probability === undefined ? [] : [bar(result.probability, facts.threshold)];
  output.replaceChildren(...scale, ...(await result.explain(output.clientWidth)));
}

/** Starts to load the model, once. */
function prepare() {
  opening ??= open(facts).catch((error) => {
    opening = null; // the next request tries again
    throw error;
  });
  return opening;
}

/** Puts the prediction where screen readers listen. */
function report(title, text = "") {
  status.replaceChildren(element("strong", { textContent: title }), element("p", { textContent: text }));
}

/** A probability on a scale that marks the threshold. */
function bar(probability, threshold) {
  const scale = element("div", { className: "bar", role: "img" });
  scale.ariaLabel = `Probability ${percent(probability, 1)}, threshold ${percent(threshold, 1)}`;
  scale.style.cssText = `--share: ${probability}; --threshold: ${threshold}`;
  const label = element("small", { textContent: `threshold ${percent(threshold, 1)}` });
  scale.append(element("span"), element("i"), label);
  return scale;
}

/** A file of the visitor's. */
function upload(file) {
  if (!file) return;
  for (const example of form.querySelectorAll("[name=example]")) example.checked = false;
  request(() => {
    if (file.size > MAX_MEGABYTES * 1e6) throw new InputError(`${file.name}: larger than ${MAX_MEGABYTES} MB`);
    return data.read(file, facts);
  });
}

/** An example by its name; without one the input to start from. */
async function example(name) {
  if (!name) return data.read(null, facts);
  const response = await fetch(new URL(`../examples/${name}`, import.meta.url)).catch(() => null);
  if (!response?.ok) throw new InputError(`${name} did not load. Check the connection and try again.`);
  return data.read(new File([await response.blob()], name), facts);
}

/** Stores what this visit has loaded, and nothing older, so that the page works offline from now on. */
async function keep() {
  await navigator.serviceWorker.register(new URL("offline.js", import.meta.url));
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  const examples = facts.examples.map((name) => String(new URL(`../examples/${name}`, import.meta.url)));
  const all = [location.href.split("#")[0], ...loaded, ...examples];
  const urls = new Set(all.filter((url) => url.startsWith(location.origin)));
  const cache = await caches.open(new URL(".", import.meta.url).pathname);
  await Promise.allSettled([...urls].map((url) => cache.add(url)));
  for (const request of await cache.keys()) if (!urls.has(request.url)) cache.delete(request);
  await navigator.serviceWorker.ready;
  form.querySelector(".kept").hidden = false;
}

// A pointer over the form announces a request; a finger may only scroll.
const announced = ({ pointerType }) => pointerType !== "touch" && prepare().catch(() => null);
for (const event of ["pointerover", "focusin"]) form.addEventListener(event, announced, { once: true });
form.addEventListener("change", ({ target }) => {
  if (target.type === "file") upload(target.files[0]);
  if (target.name !== "example") return;
  form.elements.file.value = "";
  request(() => example(target.value));
});
form.addEventListener("click", ({ target }) => {
  const first = target.name === "example" && !("prediction" in form.dataset);
  if (first) request(() => example(target.value)); // the one selected at the start sends no change event
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("dragover", (event) => event.preventDefault());
form.addEventListener("drop", (event) => {
  event.preventDefault();
  upload(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => upload(event.clipboardData.files[0]));
data.start?.(facts, request);
form.dataset.ready = "true";
