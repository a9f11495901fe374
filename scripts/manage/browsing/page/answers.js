"use strict";
// The table of questions: a column an arm, coloured by the share of its answers that are right, and its filters.
(() => {
  const byId = (id) => document.getElementById(id);
  const { arms, models, benchmarks } = browse.index;
  const answers = browse.answers = { a: 0, b: 0 };
  const NOTES = [["cut_off", "cut off"], ["no_answer", "without an answer"], ["disputed", "disputed"]];

  // One row a question. counts[m] = [right, answers] of a model; share of an arm or a run: null where it has no answers.
  const rows = [];
  benchmarks.forEach((benchmark, number) => benchmark.ids.forEach((id, question) => {
    const row = {
      place: rows.length, number, question, benchmark: benchmark.name, id, subject: benchmark.subjects?.[question] ?? null,
      text: benchmark.snippets[question], counts: [], notes: "",
    };
    const noted = { cut_off: 0, no_answer: 0, disputed: 0 };
    models.forEach((_, model) => {
      const found = benchmark.answers[model];
      const right = found?.right[question] ?? 0, all = found?.answers[question] ?? 0;
      row.counts.push([right, all]);
      row[`run${model}`] = all ? right / all : null;
      for (const [name] of NOTES) noted[name] += found?.[name][question] ?? 0;
    });
    arms.forEach((arm, place) => {
      const right = arm.models.reduce((sum, model) => sum + row.counts[model][0], 0);
      const all = arm.models.reduce((sum, model) => sum + row.counts[model][1], 0);
      row[`arm${place}`] = all ? right / all : null;
    });
    Object.assign(row, noted);
    row.notes = NOTES.filter(([name]) => noted[name]).map(([name, words]) => `${noted[name]} ${words}`).join(", ");
    rows.push(row);
  }));
  answers.rows = rows;
  const places = new Map(rows.map((row) => [`${row.benchmark}/${row.id}`, row.place]));

  const right = (row, arm) => row[`arm${arm}`] !== null && row[`arm${arm}`] > 0.5;
  const both = (row) => row[`arm${answers.a}`] !== null && row[`arm${answers.b}`] !== null;
  const label = (arm) => arms[arm].label;
  const SHOWN = {
    all: [() => "all questions", () => true],
    flipped: [() => "flipped between the two", (row) => both(row) && right(row, answers.a) !== right(row, answers.b)],
    first: [() => `right only by ${label(answers.a)}`, (row) => both(row) && right(row, answers.a) && !right(row, answers.b)],
    second: [() => `right only by ${label(answers.b)}`, (row) => both(row) && !right(row, answers.a) && right(row, answers.b)],
    wrong: [() => "all wrong", (row) => row.counts.every(([count]) => !count) && row.counts.some(([, all]) => all)],
    cut_off: [() => "cut off", (row) => row.cut_off > 0],
    no_answer: [() => "without an answer", (row) => row.no_answer > 0],
    disputed: [() => "disputed", (row) => row.disputed > 0],
  };

  // From pale orange (all wrong) to deep blue (all right): lighter and darker too, so that it reads in grey.
  const STOPS = [[253, 221, 188], [198, 219, 239], [33, 100, 171]];
  answers.colour = (share) => {
    const [from, to] = share < 0.5 ? [STOPS[0], STOPS[1]] : [STOPS[1], STOPS[2]];
    const part = share < 0.5 ? 2 * share : 2 * share - 1;
    return `rgb(${from.map((value, place) => Math.round(value + part * (to[place] - value))).join(" ")})`;
  };

  // Black reads better than white up to there: 4.5 to 1 at the least (WCAG's AA).
  answers.ink = (share) => (share > 0.91 ? "#fff" : "#000");

  const ofModels = (row, own) => own.reduce(([count, all], model) => [count + row.counts[model][0], all + row.counts[model][1]], [0, 0]);
  const shareCell = (own) => (cell) => {
    const share = cell.getValue(), place = cell.getElement();
    if (share === null) return document.createTextNode("–");
    place.style.background = answers.colour(share);
    place.style.color = answers.ink(share);
    const [count, all] = ofModels(cell.getData(), own);
    return document.createTextNode(all === 1 ? (count ? "✓ right" : "✗ wrong") : `${count}/${all}`);
  };
  const shareColumn = (field, title, own) => ({
    field, title, formatter: shareCell(own), sorter: browse.byNumber, minWidth: 92, hozAlign: "center", cssClass: "share",
  });

  function columns() {
    const difference = (row) => (both(row) ? row[`arm${answers.a}`] - row[`arm${answers.b}`] : null);
    const shares = arms.flatMap((arm, place) => {
      const own = shareColumn(`arm${place}`, arm.label, arm.models);
      const each = byId("runs").checked && arm.models.length > 1;
      return each ? [own, ...arm.models.map((model) => shareColumn(`run${model}`, models[model], [model]))] : [own];
    });
    return [
      ...(benchmarks.length > 1 ? [{ field: "benchmark", title: "benchmark", width: 125 }] : []),
      { field: "id", title: "question", width: 110 },
      { field: "text", title: "text", minWidth: 200, widthGrow: 6 },
      ...(benchmarks.some((one) => one.subjects) ? [{ field: "subject", title: "subject", width: 110 }] : []),
      ...shares,
      {
        field: "difference", title: "difference", hozAlign: "right", minWidth: 114, mutator: (value, row) => difference(row),
        sorter: (one, other, first, second) => browse.byNumber(difference(first.getData()), difference(second.getData())),
        formatter: (cell) => {
          const value = difference(cell.getData());
          return document.createTextNode(value === null ? "" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`);
        },
      },
      { field: "notes", title: "notes", minWidth: 180, widthGrow: 2 },
    ];
  }

  let found = null; // the places that hold the text, or null for no text
  let searching = 0;
  const chosen = (name) => byId(name).value;
  const wanted = (row) => (chosen("benchmark") === "" || row.number === Number(chosen("benchmark")))
    && (chosen("subject") === "" || row.subject === chosen("subject")) && (!found || found.has(row.place));
  const keep = (row) => wanted(row) && SHOWN[chosen("show")][1](row);

  function tell(number) {
    byId("status").textContent = `${number.toLocaleString("en")} of ${browse.counted(rows.length, "question")}`;
    answers.told = number;
  }
  answers.update = () => answers.list?.filter(keep);

  function nameChoices() {
    const now = chosen("show") || "all";
    browse.options("show", Object.entries(SHOWN).map(([name, [words]]) => [name, words()]), now);
  }

  async function search() {
    const mine = ++searching, text = chosen("text").trim();
    found = null;
    if (!text) return answers.update();
    const within = chosen("scope") === "answers", hits = new Set();
    const sources = benchmarks.flatMap((benchmark, number) => [
      [number, benchmark.questions, benchmark.parts, (entry) => `${entry.question}\n${entry.prompt ?? ""}`],
      ...(within ? Object.values(benchmark.answers) : []).map((own) => [
        number, own.name, own.parts, (entry) => entry.map((one) => `${one.thinking ?? ""}\n${one.text ?? ""}`).join("\n"),
      ]),
    ]);
    const total = sources.reduce((sum, [, , parts]) => sum + parts.length, 0);
    const firsts = benchmarks.map((_, number) => rows.findIndex((row) => row.number === number));
    let done = 0;
    try {
      for (const [number, name, parts, words] of sources) {
        const own = await browse.search(name, parts, text, words, () => {
          byId("status").textContent = `Searching: ${done++} of ${browse.counted(total, "part")}`;
          return mine === searching;
        });
        if (!own) return undefined; // another text was asked for
        own.forEach((question) => hits.add(firsts[number] + question));
      }
      rows.forEach((row) => { if (row.id.toLowerCase() === text.toLowerCase()) hits.add(row.place); });
    } catch (error) {
      byId("status").textContent = error.message;
      return undefined;
    }
    if (mine !== searching) return undefined;
    found = hits;
    return answers.update();
  }

  const trained = arms.findIndex((arm) => arm.trained);
  answers.a = Math.max(0, trained);
  answers.b = trained >= 0 && arms[trained + 1] ? trained + 1 : arms.length > 1 ? (answers.a ? 0 : 1) : 0;
  const armChoices = arms.map((arm, place) => [place, arm.label]);
  for (const name of ["a", "b"]) {
    browse.options(`arm-${name}`, armChoices, answers[name]).addEventListener("change", (event) => {
      answers[name] = Number(event.target.value);
      nameChoices();
      answers.list.columns(columns());
      answers.update();
    });
  }
  nameChoices();
  browse.options("benchmark", [["", "all"], ...benchmarks.map((one, number) => [number, one.name])]);
  byId("benchmark-label").hidden = benchmarks.length < 2;
  const subjects = [...new Set(rows.map((row) => row.subject).filter((subject) => subject !== null))].sort();
  browse.options("subject", [["", "all"], ...subjects.map((subject) => [subject, subject])]);
  byId("subject-label").hidden = !subjects.length;
  byId("runs-label").hidden = arms.every((arm) => arm.models.length < 2);
  for (const name of ["show", "benchmark", "subject"]) byId(name).addEventListener("change", answers.update);
  byId("runs").addEventListener("change", () => answers.list.columns(columns()));
  byId("text").addEventListener("input", browse.later(search));
  byId("scope").addEventListener("change", search);

  answers.open = () => {
    answers.list ??= browse.list("table", {
      columns: columns(), data: rows, changed: tell, placeholder: "No such question",
      open: (place, field) => browse.question.openAt(place, field),
    });
    answers.list.built.then(() => { if (answers.told === undefined) tell(rows.length); });
  };
  answers.move = (by) => answers.list.move(by);
  answers.openCurrent = () => answers.list.openCurrent();
  answers.find = (address, asked) => {
    const place = places.get(address);
    if (place !== undefined) browse.question.choose(asked);
    return place;
  };
})();
