/** The demo: only inputs and outputs. The answer comes from predict.js; inputs.js knows the kind of data. */
import * as inputs from "./inputs.js";
import { BadInput, element, open, percent } from "./predict.js";

const LARGEST = 10; // MB of a file, as in app.py
const form = document.querySelector("form.demo");
const facts = JSON.parse(document.querySelector("#facts").textContent);
const said = form.querySelector("[role=status]");
const shown = form.querySelector(".shown");
let model = null; // there since the first answer
let opening = null; // a promise of it
let turn = 0; // an answer is not shown if the visitor has asked for another one meanwhile
let queue = Promise.resolve(); // the model does one thing at a time

/** Shows the answer to what `read` gives; where it lies below the screen, the page scrolls to it. */
function ask(read, scroll = true) {
  const mine = ++turn;
  form.setAttribute("aria-busy", "true");
  queue = queue.then(async () => {
    if (mine !== turn) return;
    try {
      await answer(await read(), mine);
    } catch (error) {
      const known = error instanceof BadInput;
      say("No answer", known ? error.message : `This browser cannot run the model (${error.message}).`);
      shown.replaceChildren();
      form.classList.remove("flagged");
      delete form.dataset.answer;
    }
    if (mine === turn) form.removeAttribute("aria-busy");
    const below = said.getBoundingClientRect().bottom > window.innerHeight;
    if (scroll && below) said.parentElement.scrollIntoView();
  });
}

/** Answer, decision and explanation for one input, unless it is no longer the visitor's turn `mine`. */
async function answer(given, mine) {
  if (!model) {
    say("Loading the model ...");
    model = await prepare();
    keep().catch(() => null); // it answers all the same
  }
  const found = await inputs.answer(model, given, facts);
  if (mine !== turn) return;
  form.dataset.answer = found.values.join(" ");
  say(found.title, found.text);
  form.classList.toggle("flagged", found.share >= facts.threshold);
  const scale = found.share === undefined ? [] : [bar(found.share, facts.threshold)];
  shown.replaceChildren(...scale, ...(await found.why(shown.clientWidth)));
}

/** Begins to load the model, once. */
function prepare() {
  opening ??= open(facts).catch((error) => {
    opening = null; // to be tried again
    throw error;
  });
  return opening;
}

/** Puts the answer where screen readers listen. */
function say(title, text = "") {
  said.replaceChildren(element("strong", { textContent: title }), element("p", { textContent: text }));
}

/** A chance between 0 and 1, and where the decision turns. */
function bar(share, threshold) {
  const made = element("div", { className: "bar", role: "img" });
  made.ariaLabel = `${percent(share, 1)}, decided at ${percent(threshold, 1)}`;
  made.style.cssText = `--share: ${share}; --threshold: ${threshold}`;
  made.append(
    element("span"),
    element("i"),
    element("small", { textContent: `decided at ${percent(threshold, 1)}` }),
  );
  return made;
}

/** A file of the visitor's. */
function own(file) {
  if (!file) return;
  for (const example of form.querySelectorAll("[name=example]")) example.checked = false;
  ask(() => {
    if (file.size > LARGEST * 1e6) throw new BadInput(`${file.name}: larger than ${LARGEST} MB`);
    return inputs.read(file, facts);
  });
}

/** An example by its name; without one the input to start from. */
async function example(name) {
  if (!name) return inputs.read(null, facts);
  const found = await fetch(new URL(`../examples/${name}`, import.meta.url)).catch(() => null);
  if (!found?.ok) throw new BadInput(`${name} did not load. Try again with a network.`);
  return inputs.read(new File([await found.blob()], name), facts);
}

/** Keeps what this visit has loaded, and nothing older, so that the page answers without a network from now on. */
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

// An answer may be asked for soon; a finger may only scroll.
const soon = ({ pointerType }) => pointerType !== "touch" && prepare().catch(() => null);
for (const sign of ["pointerover", "focusin"]) form.addEventListener(sign, soon, { once: true });
form.addEventListener("change", ({ target }) => {
  if (target.type === "file") own(target.files[0]);
  if (target.name !== "example") return;
  form.elements.file.value = "";
  ask(() => example(target.value));
});
form.addEventListener("click", ({ target }) => {
  const first = target.name === "example" && !("answer" in form.dataset);
  if (first) ask(() => example(target.value)); // the one that is chosen at the start does not change
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("dragover", (event) => event.preventDefault());
form.addEventListener("drop", (event) => {
  event.preventDefault();
  own(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => own(event.clipboardData.files[0]));
inputs.start?.(facts, ask);
