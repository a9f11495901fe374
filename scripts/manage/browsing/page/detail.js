"use strict";
// The dialog of one question or one training row: open, close, next, previous, and its address.
(() => {
  const byId = (id) => document.getElementById(id);
  const detail = browse.detail = { kind: null, place: null, listed: () => [] };
  let drawing = 0;

  // kinds: { question: { draw(place, body) -> title, address(place), list() } }; answers.js and rows.js enter themselves.
  detail.kinds = {};

  detail.open = async (kind, place) => {
    Object.assign(detail, { kind, place });
    if (!byId("detail").open) byId("detail").showModal();
    await detail.draw();
  };

  detail.draw = async () => {
    const mine = ++drawing, body = browse.element("div"), kind = detail.kinds[detail.kind];
    const listed = kind.list(), position = listed.indexOf(detail.place);
    byId("previous").disabled = position <= 0;
    byId("next").disabled = position < 0 || position + 1 >= listed.length;
    const title = byId("detail-title");
    title.replaceChildren(...kind.title(detail.place), position < 0 ? "" : ` (${position + 1} of ${listed.length})`);
    history.replaceState(null, "", `#${kind.address(detail.place)}`);
    try {
      await kind.draw(detail.place, body);
    } catch (error) {
      body.replaceChildren(browse.element("p", "error", error.message));
      body.firstChild.setAttribute("role", "alert");
    }
    if (mine !== drawing) return; // another one was asked for meanwhile
    byId("detail-body").replaceChildren(body);
    byId("detail").scrollTop = 0;
    detail.drawn = `${detail.kind} ${detail.place}`;
  };

  detail.move = (by) => {
    const listed = detail.kinds[detail.kind].list();
    const place = listed[listed.indexOf(detail.place) + by];
    if (place === undefined || listed.indexOf(detail.place) < 0) return;
    detail.kinds[detail.kind].select?.(place);
    detail.open(detail.kind, place);
  };

  // All thinking open or all closed.
  detail.unfold = () => {
    const folded = [...byId("detail-body").querySelectorAll("details")];
    const open = folded.some((one) => !one.open);
    folded.forEach((one) => { one.open = open; });
  };

  detail.close = () => byId("detail").close();

  byId("detail").addEventListener("close", () => {
    const kind = detail.kinds[detail.kind];
    detail.kind = detail.place = null;
    history.replaceState(null, "", location.pathname + location.search);
    kind?.focus();
  });
  byId("previous").addEventListener("click", () => detail.move(-1));
  byId("next").addEventListener("click", () => detail.move(1));
  byId("close").addEventListener("click", detail.close);
  byId("mathematics").addEventListener("change", (event) => {
    browse.mathematics = event.target.checked;
    detail.draw();
  });

  // A term and what is said of it.
  detail.fact = (term, ...said) => {
    const made = browse.element("span", "fact");
    made.append(browse.element("b", "", `${term} `), ...said);
    return made;
  };

  // Thinking, closed; it is drawn when it is opened, as it may be long.
  detail.folded = (summary, text) => {
    const made = browse.element("details");
    made.append(browse.element("summary", "", summary));
    made.addEventListener("toggle", () => {
      if (made.open && made.childElementCount === 1) made.append(browse.show(browse.element("div"), text));
    });
    return made;
  };
})();
