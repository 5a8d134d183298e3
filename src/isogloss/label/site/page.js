"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, cls, text) => {
    const element = document.createElement(tag);
    if (cls) element.className = cls;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Theme: as the system, light, dark; as in the report.
  const themes = [["", "◐", "as the system"], ["light", "○", "light"], ["dark", "●", "dark"]];
  let theme = 0;
  try { theme = Math.max(0, themes.findIndex((t) => t[0] === localStorage.getItem("isogloss-theme"))); } catch { /* private */ }
  const showTheme = () => {
    const [name, sign, words] = themes[theme];
    if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
    $("theme").textContent = sign;
    $("theme").setAttribute("aria-label", `Colours: ${words}`);
    try { localStorage.setItem("isogloss-theme", name); } catch { /* private */ }
  };
  showTheme();

  // The server: data only with the token in a header.
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const ask = async (path, body) => {
    const headers = { "X-Isogloss-Token": token };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), cache: "no-store", keepalive: Boolean(body) });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      throw new Error(told.error ?? `the server answered ${answer.status}; was it started anew? Open the address it printed`);
    }
    return answer.json();
  };
  const alarm = (text) => { $("alarm").textContent = text; $("alarm").hidden = !text; };

  let languages = [];          // as /api/sheet tells: tag, name, items of {response, label}
  let here = { language: 0, item: 0 };
  let reading = null;          // of the reply on the screen, once it has come
  let revealed = false;
  let english = false;
  let always = false;
  const drafts = new Map();    // response → {correct, note} given before its word
  const undone = [];           // what undo goes back to

  const language = () => languages[here.language];
  const item = () => language().items[here.item];
  const isOpen = (one) => one.label === null;
  const nLabelled = (l) => l.items.filter((one) => !isOpen(one)).length;
  const draft = () => drafts.get(item().response) ?? { correct: item().label?.correct ?? null, note: item().label?.note ?? null };

  // Storing: one after the other, again until it is on disk.
  const pending = [];
  let storing = false;
  const store = (one, label) => {
    one.label = label;
    pending.push({ response: one.response, ...(label ?? { outcome: null }) });
    flush();
  };
  const flush = async () => {
    if (storing) return;
    storing = true;
    while (pending.length) {
      try {
        $("saved").textContent = "Storing …";
        await ask("/api/label", pending[0]);
        pending.shift();
        alarm("");
        $("saved").textContent = "Stored";
      } catch (error) {
        $("saved").textContent = "Not stored";
        alarm(`Not stored yet (${pending.length}): ${error.message}. Keep this page open; it tries again.`);
        await new Promise((done) => setTimeout(done, 1500));
      }
    }
    storing = false;
  };
  // A page that is left sends what it holds on its way out; it asks first only where that failed before.
  addEventListener("beforeunload", (event) => { if (pending.length && !$("alarm").hidden) event.preventDefault(); });
  addEventListener("pagehide", () => { for (const word of pending.slice(storing ? 1 : 0)) ask("/api/label", word).catch(() => {}); });

  // The screen.
  const quote = (element, text, tag, dir) => {
    element.textContent = text === "" ? "(empty)" : text;
    element.classList.toggle("none", text === "");
    element.dir = dir ?? "auto";
    if (tag) element.lang = tag; else element.removeAttribute("lang");
  };
  const aid = (title, text) => {
    const part = make("section");
    const body = make("blockquote");
    quote(body, text, "en", "ltr");
    part.append(make("h2", "", title), body);
    return part;
  };
  const fillAids = () => {
    const forPrompt = [];
    if (reading.prompt_is_english) forPrompt.push(make("p", "", "The request is in English."));
    else {
      if (reading.reference !== null) forPrompt.push(aid("Meant, in English", reading.reference));
      if (reading.back_translation !== null) forPrompt.push(aid("Put back into English by a machine", reading.back_translation));
      if (!forPrompt.length) forPrompt.push(make("p", "", "No English reference or back-translation is stored for this request."));
    }
    $("prompt-aid").replaceChildren(...forPrompt);
    const forReply = [];
    if (reading.reply_in_english !== null) forReply.push(aid("The reply in English, by a machine", reading.reply_in_english));
    else forReply.push(make("p", "", reading.reply_is_english ? "The reply is in English." : "No translation of this reply is stored."));
    $("reply-aid").replaceChildren(...forReply);
  };
  const drawTexts = () => {
    const shown = revealed && reading !== null;
    $("cover").hidden = shown;
    $("texts").hidden = !shown;
    $("english").classList.toggle("on", english);
    $("english").setAttribute("aria-pressed", english);
    for (const id of ["prompt", "reply", "reply-extra", "prompt-aid", "reply-aid"]) if (!shown) $(id).replaceChildren();
    for (const id of ["prompt-aid", "reply-aid"]) $(id).hidden = !(shown && english);
    if (!shown) return;
    quote($("prompt"), reading.prompt, reading.language, reading.prompt_direction);
    quote($("reply"), reading.reply, reading.reply_language, reading.reply_direction);
    $("reply-extra").textContent = reading.truncated ? "Cut off at the token limit." : "";
    if (english) fillAids();
  };
  const drawLabel = () => {
    const outcome = item().label?.outcome;
    for (const button of document.querySelectorAll(".word")) button.setAttribute("aria-pressed", button.dataset.outcome === outcome);
    const { correct, note } = draft();
    $("content").lastElementChild.textContent = { true: "Content right", false: "Content wrong" }[correct] ?? "Content not checked";
    $("content").classList.toggle("on", correct !== null);
    $("note").value = note ?? "";
    $("note").hidden = !note;
    $("note-open").classList.toggle("on", Boolean(note));
    $("undo").disabled = !undone.length;
  };
  const drawLanguages = () => {
    $("languages").replaceChildren(...languages.map((l, i) => {
      const line = make("li");
      const button = make("button");
      const done = nLabelled(l);
      const meter = make("i");
      meter.style.setProperty("--done", `${100 * done / l.items.length}%`);
      button.type = "button";
      button.append(make("b", "", l.name), make("small", "", done === l.items.length ? "✓" : `${done} / ${l.items.length}`), meter);
      if (i === here.language) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => { button.blur(); enter(i); });
      line.append(button);
      return line;
    }));
    const current = $("languages").querySelector("[aria-current]");
    const list = $("languages");
    if (current && list.scrollWidth > list.clientWidth) list.scrollLeft = current.offsetLeft - list.clientWidth / 3;
  };
  const drawTicks = () => {
    $("ticks").replaceChildren(...language().items.map((one, i) => {
      const tick = make("button", one.label ? `t-${one.label.outcome}` : "");
      tick.type = "button";
      tick.tabIndex = -1;
      tick.setAttribute("aria-label", `Reply ${i + 1}: ${one.label?.outcome ?? "not labelled"}`);
      if (i === here.item) tick.setAttribute("aria-current", "true");
      tick.addEventListener("click", () => { tick.blur(); go(i); });
      return tick;
    }));
  };
  const drawPlace = () => {
    const { name, items } = language();
    const left = items.filter(isOpen).length;
    $("language").textContent = name;
    $("place").replaceChildren(make("b", "", String(here.item + 1)), ` of ${items.length} · ${left ? `${left} left` : "all labelled"}`);
    $("who").textContent = $("who").dataset.name;
  };
  const draw = () => {
    drawLanguages();
    drawTicks();
    drawPlace();
    drawLabel();
    drawTexts();
  };

  // Going about.
  const show = (work) => {
    $("work").hidden = $("words").hidden = !work;
    $("pause").hidden = work;
  };
  const go = async (index, { reveal = false } = {}) => {
    here.item = index;
    reading = null;
    revealed = reveal || always;
    english = false;
    show(true);
    draw();
    scrollTo(0, 0);
    const { response } = item();
    remember();
    try {
      const come = await ask(`/api/reading?response=${response}`);
      if (!language() || item().response !== response) return;
      reading = come;
      drawTexts();
    } catch (error) { alarm(`Cannot read this reply: ${error.message}.`); }
  };
  const enter = (index) => {
    here.language = index;
    const first = language().items.findIndex(isOpen);
    if (first >= 0) go(first);
    else go(0);
  };
  const remember = () => { try { sessionStorage.setItem("isogloss-language", language().tag); } catch { /* private */ } };
  const nextOpen = (items, from) => {
    for (let step = 1; step <= items.length; step++) {
      const i = (from + step) % items.length;
      if (isOpen(items[i])) return i;
    }
    return -1;
  };
  const nextLanguage = () => {
    for (let step = 1; step < languages.length; step++) {
      const i = (here.language + step) % languages.length;
      if (languages[i].items.some(isOpen)) return i;
    }
    return -1;
  };
  let onward = null;
  const pause = () => {
    const { name, items } = language();
    const unsure = items.filter((one) => one.label?.outcome === "unsure").length;
    const next = nextLanguage();
    revealed = false;
    drawTexts();
    drawLanguages();
    show(false);
    $("pause-title").textContent = next < 0 ? "All of it is labelled." : `${name} is done.`;
    const said = `${items.length} of ${items.length} labelled${unsure ? `, ${unsure} of them unsure` : ""}.`;
    $("pause-text").textContent = next < 0
      ? "Every reply on this sheet has your label. Close this page and press Ctrl-C in the terminal, which says what comes next."
      : `${said} Next is ${languages[next].name}: ${nLabelled(languages[next])} of ${languages[next].items.length} so far.`;
    $("pause-go").replaceChildren(make("kbd", "", "Enter"), next < 0 ? "Look through them again" : `Go on with ${languages[next].name}`);
    onward = () => enter(next < 0 ? here.language : next);
  };
  const working = () => !$("work").hidden;

  // What keys and buttons do.
  const say = (outcome) => {
    if (!working() || !revealed || !reading) { $("cover").focus(); return; }
    const one = item();
    undone.push({ language: here.language, item: here.item, before: one.label });
    store(one, { outcome, ...draft() });
    drafts.delete(one.response);
    const next = nextOpen(language().items, here.item);
    if (next < 0) pause(); else go(next);
  };
  const undo = () => {
    const last = undone.pop();
    if (!last) return;
    here.language = last.language;
    store(languages[last.language].items[last.item], last.before);
    go(last.item, { reveal: true });
  };
  const amend = (change) => {
    const one = item();
    const now = { ...draft(), ...change };
    if (one.label) store(one, { ...one.label, ...now });
    else drafts.set(one.response, now);
  };
  const keepNote = () => {
    const note = $("note").value.trim() || null;
    if (note !== draft().note) amend({ note });
  };
  const step = (by) => {
    const { items } = language();
    go((here.item + by + items.length) % items.length);
  };
  const actions = {
    " ": () => { revealed = !revealed; drawTexts(); },
    c: () => say("complied"),
    r: () => say("refused"),
    i: () => say("irrelevant"),
    u: () => say("unsure"),
    e: () => { if (revealed) { english = !english; drawTexts(); } },
    w: () => { if (revealed) { amend({ correct: { null: true, true: false, false: null }[draft().correct] }); drawLabel(); } },
    n: () => { $("note").hidden = false; $("note").focus(); },
    a: () => { always = !always; revealed = always; drawTexts(); $("saved").textContent = always ? "Each one is shown as it comes" : "Each one is hidden at first"; },
    z: undo,
    arrowleft: () => step(-1),
    arrowright: () => step(1),
    "?": () => $("guidelines").showModal(),
  };
  const keyOf = (event) => {
    // Other keyboards have other letters on the same keys: С, ؤ or च is C there.
    if (event.key.length > 1 || /^[ -~]$/.test(event.key)) return event.key.toLowerCase();
    return /^Key[A-Z]$/.test(event.code) ? event.code[3].toLowerCase() : "";
  };
  addEventListener("keydown", (event) => {
    if (event.target === $("note")) {
      if (event.key === "Escape") $("note").blur();
      return;
    }
    if ($("guidelines").open) {
      if (event.key === "Enter" || event.key === "?") { event.preventDefault(); $("guidelines").close(); }
      return;
    }
    if (event.altKey || event.isComposing) return;
    const key = keyOf(event);
    if ((event.ctrlKey || event.metaKey) && key !== "z") return;
    const onButton = event.target instanceof HTMLButtonElement && event.target !== $("cover");
    if (onButton && (key === " " || key === "enter")) return;
    if (!working()) {
      if (key === "enter" && onward) { event.preventDefault(); onward(); }
      else if (key === "z") { event.preventDefault(); undo(); }
      else if (key === "?") { event.preventDefault(); actions["?"](); }
      return;
    }
    if (!Object.hasOwn(actions, key) || (event.repeat && !key.startsWith("arrow"))) return;
    event.preventDefault();
    actions[key]();
  });
  const press = (id, key) => {
    $(id).addEventListener("click", () => { $(id).blur(); actions[key](); });
  };
  for (const [id, key] of [["cover", " "], ["english", "e"], ["content", "w"], ["note-open", "n"], ["undo", "z"], ["back", "arrowleft"], ["forth", "arrowright"], ["guidelines-open", "?"]]) press(id, key);
  for (const button of document.querySelectorAll(".word")) button.addEventListener("click", () => { button.blur(); say(button.dataset.outcome); });
  $("note").addEventListener("change", () => { keepNote(); drawLabel(); });
  $("pause-go").addEventListener("click", () => { $("pause-go").blur(); onward(); });
  $("guidelines-close").addEventListener("click", () => $("guidelines").close());
  $("theme").addEventListener("click", () => { theme = (theme + 1) % themes.length; $("theme").blur(); showTheme(); });

  // Labels given in another tab or window are taken over when this one is looked at again.
  const refresh = async () => {
    if (document.hidden || pending.length) return;
    try {
      const said = new Map((await ask("/api/sheet")).languages.flatMap((l) => l.items).map((one) => [one.response, one.label]));
      if (pending.length) return;
      for (const one of languages.flatMap((l) => l.items)) one.label = said.get(one.response) ?? null;
      if (working()) { drawLanguages(); drawTicks(); drawPlace(); drawLabel(); }
    } catch (error) { alarm(`The labelling server does not answer: ${error.message}.`); }
  };
  document.addEventListener("visibilitychange", refresh);

  const start = async () => {
    try {
      const sheet = await ask("/api/sheet");
      languages = sheet.languages;
      $("who").dataset.name = sheet.labeller;
      $("who").textContent = sheet.labeller;
    } catch (error) { alarm(`Cannot read the sheet: ${error.message}.`); return; }
    let tag = null;
    try { tag = sessionStorage.getItem("isogloss-language"); } catch { /* private */ }
    const last = languages.findIndex((l) => l.tag === tag && l.items.some(isOpen));
    const first = languages.findIndex((l) => l.items.some(isOpen));
    if (first < 0) { pause(); return; }
    enter(last >= 0 ? last : first);
    if (!languages.some(nLabelled)) $("guidelines").showModal();
  };
  start();
})();
