"use strict";
// Texts of models and of data sets. They enter the page as text nodes only: no tag, script or attribute of theirs is one.
(() => {
  const LONGEST = 200000; // characters of a text whose mathematics is rendered
  const FORMULA = new RegExp([
    /\$\$((?:\\[^]|[^$\\]){1,4000}?)\$\$/.source,
    /\\\[([^]{1,4000}?)\\\]/.source,
    /\\\(([^]{1,2000}?)\\\)/.source,
    /(\\begin\{(?:equation|align|aligned|gather|cases|array|[pbvB]?matrix)\*?\}[^]{1,4000}?\\end\{[a-zA-Z]+\*?\})/.source,
    // As pandoc reads it: no blank inside the dollars, no digit behind, so that prices are none.
    /\$(?![\s$])((?:\\[^\n]|[^$\\\n]){0,600}?[^\s$\\]|\\[^\n])\$(?!\d)/.source,
    /(\\boxed\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\}){0,600}\})/.source,
  ].join("|"), "g");

  // Cut a text into { text, formula, display }.
  browse.pieces = (text) => {
    const pieces = [];
    let done = 0;
    for (const found of text.matchAll(FORMULA)) {
      if (found.index > done) pieces.push({ text: text.slice(done, found.index) });
      const formula = found.slice(1).find((group) => group !== undefined);
      pieces.push({ text: found[0], formula, display: found[1] !== undefined || found[2] !== undefined || found[4] !== undefined });
      done = found.index + found[0].length;
    }
    if (done < text.length) pieces.push({ text: text.slice(done) });
    return pieces;
  };

  browse.element = (tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== "") made.textContent = text;
    return made;
  };

  // A word or two of somebody else's, which may run from right to left.
  browse.isolated = (text, className = "") => browse.element("bdi", className, text);

  function formula(piece) {
    const made = browse.element("span", "formula");
    try {
      katex.render(piece.formula, made, {
        displayMode: piece.display, throwOnError: true, trust: false, strict: "ignore", maxSize: 20, maxExpand: 200,
        output: "htmlAndMathml",
      });
      return made;
    } catch {
      return browse.element("span", "broken", piece.text); // as it was written
    }
  }

  // The last place where `wanted` stands in a text as a word of its own, or -1.
  browse.lastPlace = (text, wanted) => {
    const letter = /[\p{L}\p{N}]/u;
    for (let place = text.lastIndexOf(wanted); place >= 0; place = place ? text.lastIndexOf(wanted, place - 1) : -1) {
      const before = text[place - 1] ?? " ", after = text[place + wanted.length] ?? " ";
      if (!(letter.test(before) && letter.test(wanted[0])) && !(letter.test(after) && letter.test(wanted.at(-1)))) return place;
    }
    return -1;
  };

  // The places to mark: what was extracted, and the gold answer where that is another one.
  function marks(text, { extracted, gold }) {
    const found = [];
    for (const [name, wanted] of [["extracted", extracted], ["gold", gold]]) {
      if (!wanted) continue;
      const start = browse.lastPlace(text, wanted), end = start + wanted.length;
      if (start >= 0 && !found.some((other) => start < other.end && other.start < end)) found.push({ name, start, end });
    }
    return found.sort((one, other) => one.start - other.start);
  }

  function marked(name, inside) {
    const made = browse.element("mark", name);
    made.title = name === "gold" ? "the gold answer" : "the answer that was extracted";
    made.append(inside);
    return made;
  }

  // Put a text into an element, its mathematics rendered and its answers marked.
  browse.show = (place, text, wanted = {}) => {
    const shown = document.createDocumentFragment(), found = marks(text, wanted);
    const render = browse.mathematics && text.length <= LONGEST;
    let start = 0;
    for (const piece of render ? browse.pieces(text) : [{ text }]) {
      const end = start + piece.text.length;
      const own = found.filter((mark) => mark.start < end && start < mark.end);
      if (piece.formula !== undefined) {
        const made = formula(piece);
        shown.append(own.length ? marked(own[0].name, made) : made);
      } else {
        let done = start;
        for (const mark of own) {
          const from = Math.max(mark.start, start), to = Math.min(mark.end, end);
          shown.append(text.slice(done, from), marked(mark.name, text.slice(from, to)));
          done = to;
        }
        shown.append(text.slice(done, end));
      }
      start = end;
    }
    place.classList.add("text");
    place.dir = "auto";
    place.replaceChildren(shown);
    return place;
  };
  browse.mathematics = true;
})();
