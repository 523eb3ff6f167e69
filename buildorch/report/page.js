"use strict";
// Shows logs that are too long for a page: unpacks the pieces that are looked at, draws the rows
// that are seen. Without it the page has all but the middle of long logs.
(() => {
  const ROW = 18; // pixels of a row; the style has the same
  const TALLEST = 8e6; // pixels that every browser scrolls; longer logs are scrolled by share
  const WIDEST = 4000; // characters of a row that are drawn
  const MOST = 200000; // lines that a search finds
  const KEPT = 24; // unpacked pieces that are kept

  const made = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  async function unpacked(letters) {
    const raw = atob(letters);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  class Text {
    constructor(name) {
      this.pieces = [];
      this.total = 0;
      for (const source of document.querySelectorAll(`script[data-piece="${name}"]`)) {
        const lines = Number(source.dataset.lines);
        const first = Number(source.dataset.first);
        this.pieces.push({ source, lines, first, row: this.total });
        this.total += lines;
      }
      this.known = new Map();
    }

    pieceAt(row) {
      let low = 0;
      let high = this.pieces.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.pieces[middle].row <= row) low = middle;
        else high = middle - 1;
      }
      return this.pieces[low];
    }

    number(row) {
      const piece = this.pieceAt(row);
      return piece.first + row - piece.row;
    }

    row(number) {
      for (const piece of this.pieces)
        if (number < piece.first + piece.lines)
          return piece.row + Math.max(0, number - piece.first);
      return this.total - 1;
    }

    follows(row) {
      return row === 0 || this.number(row) === this.number(row - 1) + 1;
    }

    line(row) {
      const piece = this.pieceAt(row);
      const lines = this.known.get(piece);
      return lines && lines[row - piece.row];
    }

    async load(piece) {
      if (this.known.has(piece)) return;
      const lines = (await unpacked(piece.source.textContent)).split("\n");
      this.known.set(piece, lines);
      if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
    }

    async *matches(pattern) {
      for (const piece of this.pieces) {
        const text = await unpacked(piece.source.textContent);
        const rows = [];
        let row = piece.row;
        let from = 0;
        pattern.lastIndex = 0;
        for (let hit; (hit = pattern.exec(text)); ) {
          for (let end; (end = text.indexOf("\n", from)) >= 0 && end < hit.index; from = end + 1) row++;
          rows.push(row);
          const end = text.indexOf("\n", hit.index);
          if (end < 0) break;
          pattern.lastIndex = end + 1;
        }
        yield rows;
      }
    }
  }

  class Viewer {
    constructor(place) {
      this.text = new Text(place.dataset.log);
      const rows = (list) => (list ? list.split(",").map((n) => this.text.row(Number(n))) : []);
      this.errors = rows(place.dataset.errors);
      this.warnings = rows(place.dataset.warnings);
      this.marks = new Map();
      for (const row of this.warnings) this.marks.set(row, "warning");
      for (const row of this.errors) this.marks.set(row, "error");
      this.found = [];
      this.at = -1;
      this.asked = 0;
      this.build(place);
      this.jump(this.errors.length ? this.errors[0] : 0, this.errors.length > 0);
    }

    build(place) {
      this.input = made("input", { type: "search", placeholder: "Search this log", spellcheck: false });
      this.input.setAttribute("aria-label", "Search this log");
      this.count = made("output", {});
      const button = (text, title, act) =>
        made("button", { type: "button", textContent: text, title, onclick: act });
      this.before = button("↑", "Previous match (Shift+Enter)", () => this.step(-1));
      this.after = button("↓", "Next match (Enter)", () => this.step(1));
      const errors = button(`Next error (${this.errors.length})`, "", () => this.next(this.errors));
      const warnings = button(`Next warning (${this.warnings.length})`, "", () => this.next(this.warnings));
      errors.disabled = !this.errors.length;
      warnings.disabled = !this.warnings.length;
      const end = button("End", "The last line", () => this.jump(this.text.total - 1));
      this.rows = made("div", { className: "rows" });
      this.space = made("div", {});
      this.pane = made("div", { className: "pane", tabIndex: 0 }, this.space, this.rows);
      this.pane.setAttribute("aria-label", "Log");
      this.pane.style.setProperty("--rows", this.text.total);
      const tools = made("div", { className: "tools" },
        this.input, this.before, this.after, this.count, errors, warnings, end);
      place.replaceChildren(tools, this.pane);
      this.height = Math.min(this.text.total * ROW, TALLEST);
      this.space.style.height = `${this.height}px`;
      this.pane.onscroll = () => this.draw();
      new ResizeObserver(() => this.draw()).observe(this.pane);
      let timer = 0;
      this.input.oninput = () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.search(this.input.value), 180);
      };
      this.input.onkeydown = (event) => {
        if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
      };
      this.tell();
    }

    get seen() {
      return Math.ceil(this.pane.clientHeight / ROW) + 1;
    }

    // How many rows a scrolled pixel passes: less than one row where all of them fit.
    get share() {
      const room = this.height - this.pane.clientHeight;
      return room <= 0 ? 0 : (this.text.total - this.pane.clientHeight / ROW) / room;
    }

    async draw() {
      const asked = ++this.asked;
      const exact = this.pane.scrollTop * this.share;
      const first = Math.max(0, Math.floor(exact));
      const last = Math.min(this.text.total, first + this.seen);
      const shown = () => {
        const rows = [];
        for (let row = first; row < last; row++) rows.push(this.row(row));
        this.rows.replaceChildren(...rows);
        this.rows.style.transform = `translateY(${this.pane.scrollTop - (exact - first) * ROW}px)`;
      };
      const pieces = new Set();
      for (let row = first; row < last; row++) pieces.add(this.text.pieceAt(row));
      const missing = [...pieces].filter((piece) => !this.text.known.has(piece));
      if (missing.length) {
        shown();
        await Promise.all(missing.map((piece) => this.text.load(piece)));
        if (asked !== this.asked) return;
      }
      shown();
    }

    row(row) {
      const line = made("div", { className: "row" });
      const mark = this.marks.get(row);
      if (mark) line.classList.add(mark);
      if (row === this.now) line.classList.add("now");
      if (!this.text.follows(row)) line.classList.add("gap");
      line.append(made("span", { className: "n", textContent: this.text.number(row) }));
      const whole = this.text.line(row);
      if (whole === undefined) return line;
      const text = whole.length > WIDEST ? `${whole.slice(0, WIDEST)}… (${whole.length - WIDEST} more)` : whole;
      let from = 0;
      if (this.pattern) {
        this.pattern.lastIndex = 0;
        for (let hit; (hit = this.pattern.exec(text)); from = this.pattern.lastIndex) {
          line.append(text.slice(from, hit.index), made("mark", { textContent: hit[0] }));
        }
      }
      line.append(text.slice(from));
      return line;
    }

    jump(row, marked = true) {
      if (marked) this.now = row;
      const share = this.share;
      const top = row - Math.floor(this.seen / 3);
      this.pane.scrollTop = share ? Math.max(0, top) / share : 0;
      this.draw();
    }

    next(rows) {
      const now = this.now ?? -1;
      this.jump(rows.find((row) => row > now) ?? rows[0]);
    }

    step(by) {
      if (!this.found.length) return;
      this.at = (this.at + by + this.found.length) % this.found.length;
      this.tell();
      this.jump(this.found[this.at]);
    }

    async search(words) {
      const asked = (this.searched = (this.searched ?? 0) + 1);
      this.found = [];
      this.at = -1;
      this.pattern = words ? new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi") : null;
      this.working = Boolean(words);
      if (words) {
        // A pattern of its own: drawing uses the other one meanwhile.
        for await (const rows of this.text.matches(new RegExp(this.pattern))) {
          if (asked !== this.searched) return;
          const none = !this.found.length;
          for (const row of rows) this.found.push(row);
          if (none && this.found.length) this.step(1);
          this.tell();
          if (this.found.length >= MOST) break;
        }
      }
      this.working = false;
      this.tell();
      this.draw();
    }

    tell() {
      const found = this.found.length;
      const many = found >= MOST ? `${MOST}+` : String(found);
      const words = found ? `${this.at + 1} of ${many} lines` : "no line";
      this.count.textContent = !this.pattern ? "" : this.working ? `${found ? words : "searching"}…` : words;
      this.before.disabled = this.after.disabled = !found;
    }
  }

  if (typeof DecompressionStream === "undefined") return; // an old browser: as without scripts
  for (const place of document.querySelectorAll(".viewer")) {
    const details = place.closest("details");
    const show = () => {
      if (!details.open || place.dataset.shown) return;
      place.dataset.shown = "yes";
      new Viewer(place);
    };
    details.addEventListener("toggle", show);
    show();
  }

  // A link to a stage opens it.
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", open);
  open();

  // On paper all stages are told.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll(".stage:not([open])")];
    for (const stage of closed) stage.open = true;
  });
  addEventListener("afterprint", () => {
    for (const stage of closed) stage.open = false;
  });
})();
