"use strict";
// One question with two models' answers side by side.
(() => {
  const { arms, models, benchmarks } = browse.index;
  const panes = [{ model: null, sample: 0 }, { model: null, sample: 0 }];
  const question = browse.question = { panes };
  const armOf = (model) => arms.findIndex((arm) => arm.models.includes(model));
  const VERDICT = { right: "✓ right", wrong: "✗ wrong" };

  question.openAt = (place, field) => {
    const { a, b } = browse.answers;
    panes[0] = { model: arms[a].models[0], sample: 0 };
    panes[1] = { model: arms[b].models[0], sample: 0 };
    const run = /^run(\d+)$/.exec(field ?? ""), arm = /^arm(\d+)$/.exec(field ?? "");
    const clicked = run ? Number(run[1]) : arm ? arms[Number(arm[1])].models[0] : null;
    if (clicked !== null) {
      // What was clicked stands left; the one that it is compared with, right.
      if (armOf(clicked) === armOf(panes[1].model)) panes[1] = panes[0];
      panes[0] = { model: clicked, sample: 0 };
    }
    return browse.detail.open("question", place);
  };

  // What an address says: a, b are names of models or of arms, sample_a and sample_b numbers.
  question.choose = (asked) => {
    const { a, b } = browse.answers;
    [["a", a], ["b", b]].forEach(([name, arm], pane) => {
      const wanted = asked.get(name), model = models.indexOf(wanted), named = arms.find((one) => one.name === wanted);
      panes[pane] = {
        model: model >= 0 ? model : (named ?? arms[arm]).models[0], sample: Number(asked.get(`sample_${name}`) ?? 0) || 0,
      };
    });
  };

  function chip(text, pressed, act, title = "") {
    const made = browse.element("button", "chip", text);
    made.setAttribute("aria-pressed", String(pressed));
    if (title) made.title = title;
    made.addEventListener("click", act);
    return made;
  }

  function chooser(pane, row, answers) {
    const bar = browse.element("div", "chooser"), arm = armOf(pane.model), set = (change) => {
      Object.assign(pane, change);
      browse.detail.draw();
    };
    const select = browse.element("select");
    select.setAttribute("aria-label", "arm");
    arms.forEach((one, place) => select.add(new Option(one.label, place, false, place === arm)));
    select.addEventListener("change", () => set({ model: arms[Number(select.value)].models[0], sample: 0 }));
    bar.append(select);
    if (arms[arm].models.length > 1) {
      const runs = browse.element("div", "chips");
      for (const model of arms[arm].models) {
        const [count, all] = row.counts[model];
        runs.append(chip(`${models[model]} ${count}/${all}`, model === pane.model, () => set({ model, sample: 0 }), "a run"));
      }
      bar.append(runs);
    }
    if (answers.length > 1) {
      const samples = browse.element("div", "chips");
      answers.forEach((answer, sample) => samples.append(
        chip(`${sample + 1} ${answer.right ? "✓" : "✗"}`, sample === pane.sample, () => set({ sample }), "a sample"),
      ));
      bar.append(samples);
    }
    return bar;
  }

  function facts(answer) {
    const line = browse.element("p", "facts"), { fact } = browse.detail;
    const verdict = answer.right ? "right" : "wrong";
    line.append(browse.element("strong", verdict, VERDICT[verdict]));
    const extracted = answer.extracted === undefined ? browse.element("em", "", "none") : browse.isolated(answer.extracted, "answer");
    line.append(fact("extracted", extracted), fact("tokens", answer.tokens.toLocaleString("en")));
    if (answer.cut_off) line.append(browse.element("span", "flag", "cut off"));
    if (answer.disputed) line.append(browse.element("span", "flag", "disputed: lighteval's rules say otherwise"));
    if (answer.reason) line.append(fact("reason", browse.isolated(answer.reason)));
    if (answer.rule) line.append(fact("compared as", browse.isolated(answer.rule)));
    if (answer.finish) line.append(fact("ended by", browse.isolated(answer.finish)));
    return line;
  }

  async function drawPane(pane, row, gold) {
    const made = browse.element("section", "pane"), own = benchmarks[row.number].answers[pane.model];
    const answers = own ? await browse.entry(own.name, own.parts, row.question) : [];
    pane.sample = Math.min(pane.sample, Math.max(0, answers.length - 1));
    made.setAttribute("aria-label", `Answer of ${models[pane.model]}`);
    made.append(chooser(pane, row, answers));
    const answer = answers[pane.sample];
    if (!answer) {
      made.append(browse.element("p", "", "Not answered yet."));
      return made;
    }
    made.append(facts(answer));
    if (answer.thinking) {
      const open = answer.text?.trim() ? "" : ", which never ends";
      const length = answer.thinking.length.toLocaleString("en");
      made.append(browse.detail.folded(`Thinking${open} (${length} characters)`, answer.thinking));
    }
    made.append(browse.show(browse.element("div", "said"), (answer.text ?? "").trim(), { extracted: answer.extracted, gold }));
    return made;
  }

  browse.detail.kinds.question = {
    title: (place) => {
      const row = browse.answers.rows[place];
      return [browse.isolated(row.benchmark), " · ", browse.isolated(row.id), ...(row.subject ? [" · ", browse.isolated(row.subject)] : [])];
    },
    address: (place) => {
      const row = browse.answers.rows[place];
      const said = new URLSearchParams({ question: `${row.benchmark}/${row.id}`, a: models[panes[0].model], b: models[panes[1].model] });
      if (panes[0].sample) said.set("sample_a", panes[0].sample);
      if (panes[1].sample) said.set("sample_b", panes[1].sample);
      return said;
    },
    list: () => browse.answers.list.listed(),
    select: (place) => browse.answers.list.select(place),
    focus: () => browse.answers.list.focus(),
    draw: async (place, body) => {
      const row = browse.answers.rows[place], benchmark = benchmarks[row.number];
      const entry = await browse.entry(benchmark.questions, benchmark.parts, row.question);
      body.append(browse.show(browse.element("div", "asked"), entry.question));
      if (entry.prompt) body.append(browse.detail.folded("What the model is asked, whole", entry.prompt));
      const gold = browse.element("p", "facts");
      gold.append(browse.detail.fact("gold", browse.isolated(entry.gold, "answer")));
      body.append(gold);
      const one = panes[0].model === panes[1].model && panes[0].sample === panes[1].sample;
      const side = browse.element("div", "panes");
      side.append(...(await Promise.all((one ? panes.slice(0, 1) : panes).map((pane) => drawPane(pane, row, entry.gold)))));
      body.append(side);
    },
  };
})();
