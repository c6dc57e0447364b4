// What the page does when it is clicked: which task, stage and length is shown, sorting, figures on a narrow screen.
(() => {
  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const chosen = json("chosen");
  chosen.length = (chosen.lengths[chosen.task] || []).at(-1);
  document.documentElement.classList.add("js");

  // The first screen: two views, drawn anew when something else is chosen or the window gets another width.
  const views = [];
  for (const [name, spec] of Object.entries(json("specs"))) {
    const place = document.getElementById(name);
    vegaEmbed(place, spec, { mode: "vega", renderer: "svg", actions: false }).then(({ view }) => {
      views.push({ place, view });
      view.addEventListener("click", (event, item) => {
        const length = item?.datum?.T ?? item?.datum?.value;
        if (chosen.lengths[chosen.task].includes(length)) choose({ length });
      });
      draw();
    });
  }

  function draw() {
    for (const { place, view } of views) {
      for (const name of ["task", "stage", "length"]) view.signal(name, chosen[name]);
      view.width(Math.max(place.parentElement.clientWidth, 240)).runAsync();
    }
  }

  function choose(change) {
    Object.assign(chosen, change);
    const lengths = chosen.lengths[chosen.task] || [];
    if (!lengths.includes(chosen.length)) chosen.length = lengths.at(-1);
    for (const name of ["task", "stage"])
      for (const element of all(`[data-${name}]`)) element.classList.toggle("off", element.dataset[name] !== chosen[name]);
    for (const place of all(".lengths")) {
      place.replaceChildren(
        ...lengths.map((length) => {
          const button = document.createElement("button");
          button.textContent = `T = ${length}`;
          button.setAttribute("aria-pressed", length === chosen.length);
          button.onclick = () => choose({ length });
          return button;
        }),
      );
    }
    draw();
  }

  for (const input of all(".bar input")) {
    input.onchange = () => choose({ [input.name]: input.value });
    if (input.checked && input.name === "task") chosen.task = input.value; // as the browser remembers it
    if (input.checked && input.name === "stage") chosen.stage = input.value;
  }

  // Tables: a click on a heading sorts by it, another turns the order around.
  function sort(table, column, heading) {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.value ?? "";
    const body = table.tBodies[0];
    const order = [...body.rows].sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      const [x, y] = [Number(a), Number(b)];
      if (a === "nan" || b === "nan") return (a === "nan") - (b === "nan"); // what is not there is last
      const difference = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
      return up ? difference : -difference;
    });
    for (const row of order) row.classList.remove("next");
    body.append(...order);
  }
  for (const table of all("table.sortable"))
    all("thead th", table).forEach((heading, column) => {
      heading.tabIndex = 0;
      heading.onclick = () => sort(table, column, heading);
      heading.onkeydown = (event) => event.key === "Enter" && sort(table, column, heading);
    });

  // On a narrow screen the columns of a figure stand beside each other and are moved by, each with what is at its left.
  const SVG = "http://www.w3.org/2000/svg";
  function element(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  function unfold(figure) {
    const { y, height } = figure.querySelector("svg").viewBox.baseVal;
    const part = (x, from, to) =>
      element(
        "svg",
        { x, y: 0, width: to - from, height, viewBox: `${from} ${y} ${to - from} ${height}` },
        element("use", { href: `#${figure.dataset.of}` }),
      );
    const strip = document.createElement("div");
    strip.className = "columns";
    for (const [left, to, from, right] of JSON.parse(figure.dataset.columns)) {
      const width = to - left + right - from;
      strip.append(element("svg", { viewBox: `0 0 ${width} ${height}` }, part(0, left, to), part(to - left, from, right)));
    }
    figure.querySelector(".wide").append(strip);
  }
  const narrow = matchMedia("(max-width: 700px)");
  function fold() {
    for (const figure of all("figure[data-columns]")) {
      if (narrow.matches && !figure.querySelector(".columns")) unfold(figure);
      figure.classList.toggle("unfolded", narrow.matches);
    }
  }
  narrow.onchange = fold;

  // What a link leads to is opened; in print all is.
  function open() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = target?.closest("details");
    if (closed && !closed.open) {
      closed.open = true;
      target.scrollIntoView();
    }
  }
  window.onhashchange = open;
  let closed = [];
  window.onbeforeprint = () => {
    closed = all("details:not([open])");
    for (const one of closed) one.open = true;
  };
  window.onafterprint = () => {
    for (const one of closed) one.open = false;
  };

  window.onresize = draw;
  choose({});
  fold();
  open();
})();
