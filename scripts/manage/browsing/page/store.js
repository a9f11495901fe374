"use strict";
// The data: script files in parts, each of which calls browse.part. A page from disk may load scripts, not fetch files.
window.browse = (() => {
  const KEPT = 24; // parts that stay in memory
  const waiting = new Map();
  const cache = new Map();
  const browse = { index: null };

  browse.part = (name, value) => {
    if (name === "index") browse.index = value;
    else waiting.get(name)?.(value);
  };

  function request(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.charset = "utf-8";
      script.src = `data/${name}.js`;
      waiting.set(name, (value) => resolve(value));
      const end = () => { script.remove(); waiting.delete(name); };
      script.onload = () => { end(); reject(new Error(`data/${name}.js holds no data: make browse writes it again`)); };
      script.onerror = () => { end(); reject(new Error(`data/${name}.js is missing: make browse writes it again`)); };
      document.head.append(script);
    });
  }

  // A part by its name, as a promise; the last ones are remembered.
  browse.load = (name) => {
    const found = cache.get(name) ?? request(name);
    cache.delete(name);
    cache.set(name, found);
    found.catch(() => cache.delete(name));
    if (cache.size > KEPT) cache.delete(cache.keys().next().value);
    return found;
  };

  // The part that holds an entry: `starts` are the places of the entries that the parts begin with.
  browse.partOf = (starts, place) => {
    let low = 0, high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= place) low = middle; else high = middle - 1;
    }
    return low;
  };

  // The entry at a place, out of the parts called {name}-0, {name}-1 ...
  browse.entry = async (name, starts, place) => {
    const part = browse.partOf(starts, place);
    return (await browse.load(`${name}-${part}`))[place - starts[part]];
  };

  // The places of all entries whose words hold `text`. `told` gets the parts done, and stops the search by `false`.
  browse.search = async (name, starts, text, words, told) => {
    const wanted = text.toLowerCase(), found = new Set();
    for (let part = 0; part < starts.length; part++) {
      if (told(part) === false) return null;
      const entries = await (cache.get(`${name}-${part}`) ?? request(`${name}-${part}`));
      entries.forEach((entry, place) => {
        if (words(entry).toLowerCase().includes(wanted)) found.add(starts[part] + place);
      });
    }
    return found;
  };
  return browse;
})();
