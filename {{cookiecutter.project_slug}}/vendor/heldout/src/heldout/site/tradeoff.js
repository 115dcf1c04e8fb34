/** Results, "Trade-off": both curves, and a slider that reads them. */
const figure = document.querySelector(".tradeoff");
if (figure) draw(figure, JSON.parse(figure.dataset.curves), figure.dataset);

function draw(figure, curves, { head, percent, baseline }) {
  const [width, height, left, bottom] = [Math.max(figure.clientWidth, 280), 280, 60, 28];
  const largest = percent === "true" ? 1 : Math.max(...curves.network, ...curves.baseline);
  const digits = { minimumSignificantDigits: 4, maximumSignificantDigits: 4 };
  const x = (share) => left + (share / 100) * (width - left - 20);
  const y = (value) => height - bottom - (value / largest) * (height - bottom - 12);
  const number = (value) => (percent === "true" ? `${(100 * value).toFixed(0)}%` : value.toLocaleString("en-US", digits));
  const points = (model) => curves[model].map((value, i) => [x(i + 1), y(value)]).join(" ");
  const curve = (model) => `<polyline class="${model}" points="${points(model)}"/>`;
  const line = (v) => `<path d="M${left} ${y(v)}H${x(100)}"/><text x="${left - 6}" y="${y(v) + 4}">${number(v)}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => line(share * largest));
  const label = (share) => `<text class="share" x="${x(share)}" y="${height - 6}">${share}%</text>`;
  const shares = [0, 25, 50, 75, 100].map(label);
  figure.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${grid.join("")}${shares.join("")}
    ${curve("baseline")}${curve("network")}<path class="cursor"/><circle class="baseline" r="6"/><circle class="network" r="6"/></svg>
    <label>${head} <input type="range" min="1" max="100" value="20" style="margin-left: ${left}px"></label><p role="status"></p>`;
  const [input, status] = [figure.querySelector("input"), figure.querySelector("p")];

  function read() {
    const share = Number(input.value);
    const value = (model) => curves[model][share - 1];
    figure.querySelector(".cursor").setAttribute("d", `M${x(share)} 12V${height - bottom}`);
    for (const model of ["baseline", "network"]) {
      const dot = figure.querySelector(`circle.${model}`);
      dot.setAttribute("cx", x(share));
      dot.setAttribute("cy", y(value(model)));
    }
    status.innerHTML = `${share}%: <strong class="network">network ${number(value("network"))}</strong>,
      <strong class="baseline"></strong>`;
    status.lastElementChild.textContent = `${baseline} ${number(value("baseline"))}`;
    input.setAttribute("aria-valuetext", status.textContent);
  }
  input.addEventListener("input", read);
  read();
}
