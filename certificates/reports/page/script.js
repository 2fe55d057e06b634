"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const data = document.getElementById("attention-data");
  const run = document.querySelector(".run");
  if (!data || !run) return;
  const { heads, tokens } = JSON.parse(data.textContent);
  const chips = [...run.querySelectorAll("button.token")];
  const byPlace = new Map(chips.map((chip) => [Number(chip.dataset.token), chip]));
  const drawing = run.querySelector(".arrows");
  const box = document.getElementById("selected");
  const layer = document.getElementById("layer");
  const SVG = "http://www.w3.org/2000/svg";
  let chosen = null;

  const shape = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    drawing.append(made);
  };

  const ends = (chip) => {
    const frame = run.getBoundingClientRect(), at = chip.getBoundingClientRect();
    const top = at.top - frame.top, left = at.left - frame.left;
    return { top, bottom: top + at.height, across: left + at.width / 2, right: left + at.width, middle: top + at.height / 2 };
  };

  const lastOfLine = (chip) => !chip.nextElementSibling;

  // Beside the lines where an arrow goes from line to line; above the tokens where it stays in one.
  const way = (from, to, atEnd) => {
    if (Math.abs(from.middle - to.middle) < 6) {
      const up = from.top - Math.min(40, 12 + Math.abs(from.across - to.across) / 6);
      return [`M${from.across} ${from.top}C${from.across - 14} ${up} ${to.across + 14} ${up} ${to.across} ${to.top}`, to.across, to.top];
    }
    const out = Math.max(from.right, atEnd ? to.right : 0) + 18 + Math.abs(from.middle - to.middle) / 5;
    if (atEnd) return [`M${from.right} ${from.middle}C${out} ${from.middle} ${out} ${to.middle} ${to.right} ${to.middle}`, to.right, to.middle];
    const edge = to.middle < from.middle ? to.bottom : to.top;
    return [`M${from.right} ${from.middle}C${out} ${from.middle} ${to.across} ${(from.middle + edge) / 2} ${to.across} ${edge}`, to.across, edge];
  };

  const inRanges = (numbers) => {
    const found = [];
    for (const number of numbers) {
      const last = found[found.length - 1];
      if (last && last[1] === number - 1) last[1] = number;
      else found.push([number, number]);
    }
    return found.map(([low, high]) => (low === high ? `${low}` : `${low}..${high}`)).join(", ");
  };

  const clear = () => {
    drawing.replaceChildren();
    for (const chip of chips) chip.classList.remove("chosen", "target");
  };

  const show = (chip) => {
    clear();
    chosen = chip;
    chip.classList.add("chosen");
    const place = Number(chip.dataset.token);
    const wanted = (tokens[place] || []).filter(([head]) => !layer.value || heads[head][0] === Number(layer.value));
    const targets = new Set();
    const said = new Map();
    for (const [head, selected, count] of wanted) {
      const [number, name] = heads[head];
      const more = count > selected.length ? ` and ${count - selected.length} more` : "";
      const key = `${name}: ${selected.join(", ")}${more}`;
      if (!said.has(key)) said.set(key, []);
      said.get(key).push(number);
      for (const target of selected) targets.add(target);
    }
    for (const target of targets) {
      const other = byPlace.get(target);
      if (!other) continue;
      if (other !== chip) other.classList.add("target");
      const [path, x, y] = way(ends(chip), ends(other), lastOfLine(other));
      shape("path", { d: path });
      shape("circle", { cx: x, cy: y, r: 4 });
    }
    const lines = [...said].map(([text, layers]) => `layer ${inRanges(layers)}, ${text}`);
    box.replaceChildren();
    const first = document.createElement("div");
    first.textContent = `Token ${chip.textContent}. ` + (lines.length ? "Heads select:" : "No head brings anything here.");
    box.append(first);
    for (const text of lines) {
      const line = document.createElement("div");
      line.textContent = text;
      box.append(line);
    }
  };

  const focusOn = (chip) => {
    for (const other of chips) other.tabIndex = other === chip ? 0 : -1;
    chip.focus();
  };

  const beside = (chip, key) => {
    const at = chips.indexOf(chip);
    const line = chip.closest("li");
    const lines = [...run.querySelectorAll("li")].filter((one) => one.querySelector("button"));
    switch (key) {
      case "ArrowLeft": return chips[at - 1];
      case "ArrowRight": return chips[at + 1];
      case "ArrowUp": return lines[lines.indexOf(line) - 1]?.querySelector("button");
      case "ArrowDown": return lines[lines.indexOf(line) + 1]?.querySelector("button");
      case "Home": return chips[0];
      case "End": return chips[chips.length - 1];
      default: return undefined;
    }
  };

  chips.forEach((chip, at) => {
    chip.tabIndex = at === 0 ? 0 : -1;
    chip.addEventListener("mouseenter", () => show(chip));
    chip.addEventListener("focus", () => show(chip));
    chip.addEventListener("click", () => focusOn(chip));
    chip.addEventListener("keydown", (event) => {
      const next = beside(chip, event.key);
      if (event.key === "Escape") clear();
      if (!next) return;
      event.preventDefault();
      focusOn(next);
    });
  });
  layer.addEventListener("change", () => chosen && show(chosen));
  window.addEventListener("resize", () => chosen && show(chosen));
  const named = /^#token-(\d+)$/.exec(location.hash);
  if (named && byPlace.has(Number(named[1]))) focusOn(byPlace.get(Number(named[1])));
})();
