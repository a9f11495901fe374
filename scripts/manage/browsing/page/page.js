"use strict";
// Title, tabs, keys, and what the address names.
(() => {
  const byId = (id) => document.getElementById(id);
  const { index, detail } = browse;
  byId("title").textContent = index.title;
  document.title = `${index.title} · answers`;
  if (index.missing.length) {
    byId("missing").hidden = false;
    byId("missing").textContent = `Not answered yet: ${index.missing.join(", ")}.`;
  }

  const tabs = ["answers", "rows"];
  browse.tab = (shown) => {
    for (const name of tabs) {
      byId(name).hidden = name !== shown;
      byId(`tab-${name}`).setAttribute("aria-selected", String(name === shown));
      byId(`tab-${name}`).tabIndex = name === shown ? 0 : -1;
    }
    browse.shown = shown;
    browse[shown].open();
  };
  for (const name of tabs) byId(`tab-${name}`).addEventListener("click", () => browse.tab(name));
  document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key) || !index.rows) return;
    browse.tab(browse.shown === "rows" ? "answers" : "rows");
    byId(`tab-${browse.shown}`).focus();
  });
  byId("tab-rows").hidden = !index.rows;
  for (const form of document.forms) form.addEventListener("submit", (event) => event.preventDefault());

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Escape" && typing) event.target.blur();
      return;
    }
    const pressed = event.target.closest("button, summary, a, input, [role=columnheader]");
    const open = byId("detail").open, table = browse[browse.shown];
    const keys = open
      ? { j: () => detail.move(1), k: () => detail.move(-1), " ": detail.unfold }
      : {
        j: () => table.move(1), k: () => table.move(-1), " ": table.openCurrent, Enter: table.openCurrent,
        ArrowDown: () => table.move(1), ArrowUp: () => table.move(-1),
        "/": () => byId(browse.shown === "rows" ? "row-text" : "text").focus(),
      };
    const act = keys[event.key];
    // A space or an enter on a button is the button's.
    if (!act || (pressed && !["j", "k", "/"].includes(event.key))) return;
    event.preventDefault();
    act();
  });

  // #question=benchmark/id&a=model&b=model, #row=id
  browse.follow = async () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const [kind, tab] of [["question", "answers"], ["row", "rows"]]) {
      if (!asked.has(kind)) continue;
      const place = browse[tab].find(asked.get(kind), asked);
      if (place === undefined) {
        byId("missing").hidden = false;
        byId("missing").textContent = `The address names '${asked.get(kind)}', which is not among what is shown here.`;
        continue;
      }
      browse.tab(tab);
      await browse[tab].list.built; // next and previous follow the table
      browse[tab].list.select(place);
      await detail.open(kind, place);
    }
  };
  browse.tab("answers");
  browse.follow();
  window.addEventListener("hashchange", browse.follow);
})();
