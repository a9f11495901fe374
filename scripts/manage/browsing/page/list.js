"use strict";
// A table of questions or of training rows, by Tabulator: what both do alike.
(() => {
  // Tabulator's own formatter takes a title for HTML.
  const titled = (cell) => {
    const made = browse.isolated(cell.getValue());
    made.title = cell.getValue();
    return made;
  };

  browse.counted = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

  // Null, which is no number, is below all numbers.
  browse.byNumber = (one, other) => (one ?? -Infinity) === (other ?? -Infinity) ? 0 : (one ?? -Infinity) - (other ?? -Infinity);

  browse.plain = (cell) => (cell.getValue() == null ? "" : browse.isolated(String(cell.getValue())));
  browse.number = (digits) => (cell) => {
    const value = cell.getValue();
    return value == null ? "" : document.createTextNode(value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  };

  // columns: Tabulator's; data: rows with `place`; open(place, field): what a click does.
  browse.list = (id, { columns, data, open, changed, placeholder }) => {
    const list = { current: null, ready: false };
    let listed = null;
    const headed = (all) => all.map((column) => ({ formatter: browse.plain, titleFormatter: titled, minWidth: 60, ...column }));
    const table = new Tabulator(`#${id}`, {
      index: "place", data, columns: headed(columns), layout: "fitColumns", height: "100%", rowHeight: 32,
      selectableRows: 1, selectableRowsPersistence: true, selectableRowsCheck: () => list.selecting === true,
      placeholder, headerSortElement: "<span aria-hidden='true'>▾</span>",
      columnDefaults: { headerHozAlign: "left", resizable: "header", headerWordWrap: true },
    });
    list.table = table;

    const forget = () => { listed = null; };
    list.listed = () => (listed ??= table.getData("active").map((row) => row.place));

    list.select = (place) => {
      list.current = place;
      list.selecting = true;
      table.deselectRow();
      table.selectRow(place);
      list.selecting = false;
      table.scrollToRow(place, "nearest", false).catch(() => {}); // it may be filtered out
    };
    list.move = (by) => {
      const all = list.listed();
      if (!all.length) return;
      const at = all.indexOf(list.current);
      list.select(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))]);
    };
    list.openCurrent = () => list.current !== null && open(list.current, null);
    list.focus = () => document.getElementById(id).focus({ preventScroll: true });
    list.columns = (all) => {
      table.setColumns(headed(all));
      table.redraw(true); // the height of the heads
    };
    list.filter = (keep) => { if (list.ready) { table.setFilter((row) => keep(row)); } };

    table.on("cellClick", (event, cell) => {
      list.select(cell.getRow().getIndex());
      open(list.current, cell.getField());
    });
    table.on("dataFiltered", () => { forget(); queueMicrotask(() => list.ready && changed(list.listed().length)); });
    table.on("dataSorted", forget);
    list.built = new Promise((resolve) => table.on("tableBuilt", () => {
      list.ready = true;
      resolve();
    }));
    // Headers sort by keys as well.
    document.getElementById(id).addEventListener("keydown", (event) => {
      const header = event.target.closest("[role=columnheader]");
      if (header && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); header.click(); }
    });
    const reachable = () => document.querySelectorAll(`#${id} .tabulator-sortable`).forEach((header) => { header.tabIndex = 0; });
    table.on("tableBuilt", reachable);
    table.on("columnsLoaded", () => queueMicrotask(reachable));
    return list;
  };

  // Fill a select with [value, label] pairs.
  browse.options = (id, pairs, chosen) => {
    const select = document.getElementById(id);
    select.replaceChildren(...pairs.map(([value, label]) => new Option(label, value)));
    if (chosen !== undefined) select.value = String(chosen);
    return select;
  };

  // Call `act` a moment after the last of several events.
  browse.later = (act, milliseconds = 250) => {
    let timer;
    return () => { clearTimeout(timer); timer = setTimeout(act, milliseconds); };
  };
})();
