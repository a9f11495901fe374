"use strict";
// The training rows: the table, and one chain with its steps, those left out struck through.
(() => {
  const byId = (id) => document.getElementById(id);
  const { index } = browse;
  const found = index.rows;
  const own = browse.rows = { open: () => {}, find: () => undefined, set: 0 };
  if (!found) return;
  const NEAR = 0.5;

  const questionAt = (near) => near && `${index.benchmarks[near[0]].name}/${index.benchmarks[near[0]].ids[near[1]]}`;
  own.rows = found.ids.map((id, place) => ({
    place, id, text: found.snippets[place], source: found.sources[place], category: found.categories[place],
    tokens: found.tokens[place], pruned: found.pruned[place], mean_pir: found.mean_pir[place], chain_gain: found.chain_gain[place],
    near: found.nearest[place]?.[2] ?? null, nearest: questionAt(found.nearest[place]), sets: found.taken[place],
  }));
  const places = new Map(found.ids.map((id, place) => [id, place]));
  const some = (name) => own.rows.some((row) => row[name] !== null && row[name] !== undefined);
  const number = (field, title, digits) => ({
    field, title, formatter: browse.number(digits), sorter: browse.byNumber, hozAlign: "right", minWidth: 104,
  });
  const columns = [
    { field: "id", title: "row", width: 100 },
    { field: "text", title: "text", minWidth: 200, widthGrow: 6 },
    ...(some("source") ? [{ field: "source", title: "source", minWidth: 100 }] : []),
    ...(some("category") ? [{ field: "category", title: "category", minWidth: 110 }] : []),
    number("tokens", "tokens", 0),
    ...(found.pruned.some(Boolean) ? [number("pruned", "pruned steps", 0)] : []),
    ...(some("mean_pir") ? [number("mean_pir", "mean PIR", 3)] : []),
    ...(some("chain_gain") ? [number("chain_gain", "chain gain", 3)] : []),
    { field: "nearest", title: "nearest question", minWidth: 140, widthGrow: 2 },
    number("near", "likeness", 2),
  ];

  let holding = null, searching = 0;
  const SHOWN = { all: () => true, pruned: (row) => row.pruned > 0, near: (row) => row.near !== null && row.near >= NEAR };
  const keep = (row) => (byId("row-set").value === "" || row.sets.includes(Number(byId("row-set").value)))
    && SHOWN[byId("row-show").value](row) && (!holding || holding.has(row.place));
  const update = () => own.list?.filter(keep);
  function tell(count) {
    const drawn = found.all > found.ids.length ? `, drawn from ${found.all.toLocaleString("en")} in all` : "";
    byId("row-status").textContent = `${count.toLocaleString("en")} of ${browse.counted(found.ids.length, "training row")}${drawn}`;
    own.told = count;
  }

  async function search() {
    const mine = ++searching, text = byId("row-text").value.trim();
    if (text) {
      const words = (entry) => `${entry.question}\n${entry.steps.map(([step]) => step).join("")}\n${entry.answer}`;
      try {
        const hits = await browse.search("rows", found.parts, text, words, (part) => {
          byId("row-status").textContent = `Searching: ${part} of ${browse.counted(found.parts.length, "part")}`;
          return mine === searching;
        });
        if (!hits || mine !== searching) return;
        if (places.has(text)) hits.add(places.get(text));
        holding = hits;
      } catch (error) {
        byId("row-status").textContent = error.message;
        return;
      }
    } else holding = null;
    update();
  }

  browse.options("row-set", [["", "all"], ...found.sets.map((name, place) => [place, name])]);
  for (const name of ["row-set", "row-show"]) byId(name).addEventListener("change", update);
  byId("row-text").addEventListener("input", browse.later(search));

  own.open = () => {
    own.list ??= browse.list("row-table", {
      columns, data: own.rows, changed: tell, placeholder: "No such row", open: (place) => browse.detail.open("row", place),
    });
    own.list.built.then(() => { if (own.told === undefined) tell(own.rows.length); });
  };
  own.move = (by) => own.list.move(by);
  own.openCurrent = () => own.list.openCurrent();
  own.find = (id) => places.get(id);

  function chain(entry, pruned) {
    const steps = browse.element("ol", "steps");
    entry.steps.forEach(([text, pattern, pir], place) => {
      const gone = pruned.includes(place), step = browse.element("li", gone ? "step pruned" : "step");
      const side = browse.element("div", "side");
      if (pattern) side.append(browse.element("span", "pattern", pattern));
      if (pir !== null) side.append(browse.detail.fact("PIR", pir.toFixed(3)));
      if (gone) side.append(browse.element("span", "flag", "pruned"));
      step.append(side, browse.show(browse.element(gone ? "del" : "div"), text));
      steps.append(step);
    });
    return steps;
  }

  browse.detail.kinds.row = {
    title: (place) => ["Row ", browse.isolated(own.rows[place].id)],
    address: (place) => new URLSearchParams({ row: own.rows[place].id }),
    list: () => own.list.listed(),
    select: (place) => own.list.select(place),
    focus: () => own.list.focus(),
    draw: async (place, body) => {
      const row = own.rows[place], entry = await browse.entry("rows", found.parts, place);
      const set = entry.sets[Math.min(own.set, entry.sets.length - 1)];
      const chips = browse.element("div", "chips");
      entry.sets.forEach((one, number) => {
        const chip = browse.element("button", "chip", found.sets[one.set]);
        chip.setAttribute("aria-pressed", String(one === set));
        chip.addEventListener("click", () => { own.set = number; browse.detail.draw(); });
        chips.append(chip);
      });
      body.append(chips, browse.show(browse.element("div", "asked"), entry.question));
      const { fact } = browse.detail, facts = browse.element("p", "facts");
      facts.append(fact("tokens", `${set.tokens.toLocaleString("en")} of ${set.before.toLocaleString("en")}`));
      facts.append(fact("pruned steps", String(set.pruned.length)));
      if (row.mean_pir !== null) facts.append(fact("mean PIR", row.mean_pir.toFixed(3)));
      if (row.chain_gain !== null) facts.append(fact("chain gain", row.chain_gain.toFixed(3)));
      if (entry.answer) facts.append(fact("answer", browse.isolated(entry.answer, "answer")));
      body.append(facts);
      if (row.nearest) {
        const near = found.nearest[place], line = browse.element("p", "facts"), link = browse.element("a", "", row.nearest);
        link.href = `#${new URLSearchParams({ question: row.nearest })}`;
        line.append(fact("nearest benchmark question", link, ` likeness ${row.near.toFixed(2)}`));
        body.append(line, browse.show(browse.element("blockquote"), index.benchmarks[near[0]].snippets[near[1]]));
      }
      body.append(chain(entry, set.pruned));
    },
  };
})();
