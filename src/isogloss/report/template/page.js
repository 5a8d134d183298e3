"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, cls, text) => {
    const element = document.createElement(tag);
    if (cls) element.className = cls;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const count = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");

  // Theme: as the system, light, dark.
  const root = document.documentElement;
  const themes = [["", "◐", "as the system"], ["light", "○", "light"], ["dark", "●", "dark"]];
  let theme = 0;
  const remember = (value) => { try { localStorage.setItem("isogloss-theme", value); } catch { /* private */ } };
  const showTheme = () => {
    const [name, sign, words] = themes[theme];
    if (name) root.dataset.theme = name; else delete root.dataset.theme;
    $("theme").textContent = sign;
    $("theme").setAttribute("aria-label", `Colours: ${words}`);
    $("theme").title = `Colours: ${words}`;
  };
  try { theme = Math.max(0, themes.findIndex((t) => t[0] === localStorage.getItem("isogloss-theme"))); } catch { /* private */ }
  $("theme").hidden = false;
  $("theme").addEventListener("click", () => {
    theme = (theme + 1) % themes.length;
    remember(themes[theme][0]);
    showTheme();
  });
  showTheme();

  // Where the reader is.
  const links = new Map([...document.querySelectorAll(".bar nav a")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = links.get(entry.target.id);
      if (!link) continue;
      if (entry.isIntersecting) {
        for (const other of links.values()) other.removeAttribute("aria-current");
        link.setAttribute("aria-current", "true");
        const list = link.closest("ol");
        if (list.scrollWidth > list.clientWidth) list.scrollLeft = link.parentElement.offsetLeft - list.clientWidth / 3;
      }
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  for (const part of document.querySelectorAll(".part")) seen.observe(part);

  // One tooltip: hover, focus, tap.
  const tip = $("tip");
  let owner = null;
  const hide = () => { tip.hidden = true; owner?.removeAttribute("aria-describedby"); owner = null; };
  const show = (target) => {
    if (owner && owner !== target) hide();
    owner = target;
    tip.textContent = target.dataset.tip;
    tip.hidden = false;
    target.setAttribute("aria-describedby", "tip");
    const box = target.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : box.bottom + 8}px`;
  };
  const tipped = (event) => event.target.closest?.("[data-tip]");
  document.addEventListener("pointerover", (event) => { const t = tipped(event); if (t) show(t); else hide(); });
  document.addEventListener("focusin", (event) => { const t = tipped(event); if (t) show(t); else hide(); });
  document.addEventListener("click", (event) => { const t = tipped(event); if (t) show(t); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, { passive: true });

  // Sorting; what was not measured goes last either way.
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", "sort", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending" && column > 0 || head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => {
          const cell = row.cells[column];
          const raw = cell.dataset.v ?? cell.textContent;
          return raw === "" ? null : Number.isNaN(Number(raw)) ? raw : Number(raw);
        };
        const rows = [...body.rows].map((row) => [key(row), row]);
        rows.sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null);
          const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
          return down ? -order : order;
        });
        body.replaceChildren(...rows.map(([, row]) => row));
      });
    });
  }

  // Transcripts: text enters the document only when its row is opened, and only as text.
  const holder = $("transcript-data");
  if (!holder) return;
  const data = JSON.parse(holder.textContent);
  const at = Object.fromEntries(data.columns.map((name, i) => [name, i]));
  const form = $("filters");
  const browser = $("browser");
  const step = 25;
  let shown = step;
  const variantOf = (row) => (row[at.variant] === "original" ? "" : row[at.variant]);
  const nameOf = (tag) => data.languages[tag]?.[0] ?? tag;
  const inEnglish = new Map();
  for (const row of data.rows) {
    if (row[at.language] === data.english) inEnglish.set(`${row[at.id]}\n${row[at.variant]}\n${row[at.intent]}`, row);
  }
  for (const select of form.querySelectorAll("select")) {
    const counts = new Map();
    for (const row of data.rows) counts.set(row[at[select.name]], (counts.get(row[at[select.name]]) ?? 0) + 1);
    for (const [value, n] of [...counts].sort((a, b) => String(a[0]).localeCompare(String(b[0])))) {
      if (value === "") continue;
      const option = make("option", "", `${select.name === "language" ? nameOf(value) : value} (${n})`);
      option.value = value;
      select.append(option);
    }
    if (select.options.length < 2) select.parentElement.hidden = true;
  }
  const quote = (title, text, tag, extra) => {
    const block = make("div", "quote");
    block.append(make("h4", "", title));
    const body = make("blockquote");
    body.textContent = text === "" ? "(empty)" : text;
    body.dir = tag ? data.languages[tag]?.[1] ?? "auto" : "auto";
    if (tag) body.lang = tag;
    block.append(body);
    if (extra) block.append(make("p", "extra", extra));
    return block;
  };
  const fill = (details, row) => {
    const grid = make("div", "pair");
    grid.append(quote("Prompt", row[at.prompt], row[at.language]));
    if (row[at.language] !== data.english) {
      grid.append(quote("The same in English", row[at.reference] || "(no reference stored)", data.english));
    }
    const cut = row[at.cut] ? `Shortened here by ${count(row[at.cut])} characters.` : "";
    const limit = row[at.truncated] ? "Cut at the token limit." : "";
    grid.append(quote("Reply", row[at.reply], row[at.reply_language], [cut, limit].filter(Boolean).join(" ")));
    const twin = inEnglish.get(`${row[at.id]}\n${row[at.variant]}\n${row[at.intent]}`);
    if (twin && row[at.language] !== data.english) {
      grid.append(quote(`Asked in English it ${{ complied: "complied", refused: "refused", irrelevant: "missed the point", blocked: "was blocked", error: "failed" }[twin[at.result]] ?? "was not judged"}`, twin[at.reply], twin[at.reply_language]));
    }
    const notes = [`prompt ${row[at.id]}`, variantOf(row), row[at.sample] ? `sample ${row[at.sample]}` : "",
      row[at.reply_language] ? `reply in ${nameOf(row[at.reply_language])}` : "reply language not identified",
      row[at.correct] === null ? "" : row[at.correct] ? "content correct" : "content wrong", row[at.reason]];
    details.append(grid, make("p", "extra", notes.filter(Boolean).join(" · ")));
  };
  const item = (row) => {
    const details = make("details", `t-${row[at.result]}`);
    const summary = make("summary");
    summary.append(make("b", "", nameOf(row[at.language])), make("span", "chip", row[at.result]),
      make("span", "what", [row[at.intent], row[at.category], variantOf(row)].filter(Boolean).join(" · ")), make("bdi", "id", row[at.id]));
    details.append(summary);
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) fill(details, row); });
    return details;
  };
  const draw = () => {
    const wanted = [...new FormData(form)].filter(([, value]) => value);
    const found = data.rows.filter((row) => wanted.every(([name, value]) => row[at[name]] === value));
    browser.replaceChildren(...found.slice(0, shown).map(item));
    $("found").textContent = `${count(found.length)} found`;
    $("more").hidden = found.length <= shown;
  };
  form.hidden = false;
  form.addEventListener("change", () => { shown = step; draw(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("click", () => { shown += step; draw(); });
  draw();
})();
