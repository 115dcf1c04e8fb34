/** Results, "Trade-off": both curves, and a slider that reads them. */
const figure = document.querySelector(".tradeoff");
if (figure) draw(figure, JSON.parse(figure.dataset.told));

function draw(figure, told) {
  const [width, height, left, bottom] = [Math.max(figure.clientWidth, 280), 280, 60, 28];
  const most = told.percent ? 1 : Math.max(...told.network, ...told.baseline);
  const digits = { minimumSignificantDigits: 4, maximumSignificantDigits: 4 };
  const x = (share) => left + (share / 100) * (width - left - 20);
  const y = (value) => height - bottom - (value / most) * (height - bottom - 12);
  const number = (value) => (told.percent ? `${(100 * value).toFixed(0)}%` : value.toLocaleString("en-US", digits));
  const curve = (who) => `<polyline class="${who}" points="${told[who].map((v, i) => [x(i + 1), y(v)]).join(" ")}"/>`;
  const across = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most);
  const grid = across.map((v) => `<path d="M${left} ${y(v)}H${x(100)}"/><text x="${left - 6}" y="${y(v) + 4}">${number(v)}</text>`);
  const shares = [0, 25, 50, 75, 100].map((s) => `<text class="share" x="${x(s)}" y="${height - 6}">${s}%</text>`);
  figure.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${grid.join("")}${shares.join("")}
    ${curve("baseline")}${curve("network")}<path class="at"/><circle class="baseline" r="6"/><circle class="network" r="6"/></svg>
    <label>${told.head} <input type="range" min="1" max="100" value="20" style="margin-left: ${left}px"></label><p role="status"></p>`;
  const [input, said] = [figure.querySelector("input"), figure.querySelector("p")];

  function read() {
    const share = Number(input.value);
    const now = (who) => told[who][share - 1];
    figure.querySelector(".at").setAttribute("d", `M${x(share)} 12V${height - bottom}`);
    for (const who of ["baseline", "network"]) {
      const dot = figure.querySelector(`circle.${who}`);
      dot.setAttribute("cx", x(share));
      dot.setAttribute("cy", y(now(who)));
    }
    said.innerHTML = `${share}%: <strong class="network">network ${number(now("network"))}</strong>,
      <strong class="baseline"></strong>`;
    said.lastElementChild.textContent = `${told.baseline_name} ${number(now("baseline"))}`;
    input.setAttribute("aria-valuetext", said.textContent);
  }
  input.addEventListener("input", read);
  read();
}
