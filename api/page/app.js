// The page's core: elements, numbers, the live connection, the strip, search, and the board.
// Text reaches the document by textContent only: names come from strangers.

// ------------------------------------------------------------------------------------------------ elements
const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: attributes, `on…` listeners, children (text, elements, or nothing). */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A drawing that is always the same for a mint; nothing is loaded from elsewhere. */
export function mark(mint) {
  let hash = 2166136261;
  for (let i = 0; i < mint.length; i++) hash = Math.imul(hash ^ mint.charCodeAt(i), 16777619) >>> 0;
  const hue = hash % 360;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  const rect = (x, y, w, height, fill) => {
    const r = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ x, y, width: w, height, fill })) r.setAttribute(name, value);
    svg.append(r);
  };
  rect(0, 0, 10, 10, `hsl(${hue} 45% 38%)`);
  let bits = Math.imul(hash, 2654435761) >>> 0;
  for (let y = 0; y < 5; y++) {
    for (let x = 0; x < 3; x++, bits = (bits >>> 1) | ((bits & 1) << 31)) {
      if (!(bits & 1)) continue;
      const fill = `hsl(${(hue + 40 * (x + y)) % 360} 75% 78%)`;
      rect(x * 2, y * 2, 2, 2, fill);
      if (x < 2) rect(8 - x * 2, y * 2, 2, 2, fill);
    }
  }
  return svg;
}

// ------------------------------------------------------------------------------------------------- numbers
const NONE = "–";
const SUB = "₀₁₂₃₄₅₆₇₈₉";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** A price in five digits at most; zeros behind the point are counted: 0.0₆1234. */
export function price(value) {
  if (!isNumber(value)) return NONE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString("en", { maximumFractionDigits: size >= 100000 ? 0 : 2 });
  if (size >= 1) return value.toLocaleString("en", { maximumSignificantDigits: 5 });
  const [digits, exponent] = size.toExponential(3).split("e");
  const zeros = -Number(exponent) - 1;
  const figures = digits.replace(".", "").replace(/0+$/, "") || "0";
  const sign = value < 0 ? "−" : "";
  if (zeros < 4) return `${sign}0.${"0".repeat(zeros)}${figures}`;
  return `${sign}0.0${String(zeros).replace(/\d/g, (d) => SUB[d])}${figures}`;
}

/** A large number in three digits: 41.2k. */
export function short(value, lead = "") {
  if (!isNumber(value)) return NONE;
  const sign = value < 0 ? "−" : "";
  let size = Math.abs(value);
  for (const unit of ["", "k", "M", "B", "T"]) {
    if (size < 999.5 || unit === "T") {
      const digits = unit === "" ? (size < 10 && size % 1 ? 2 : 0) : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
      return `${sign}${lead}${size.toFixed(digits)}${unit}`;
    }
    size /= 1000;
  }
}
export const usd = (value) => short(value, "$");
export const count = (value) => (isNumber(value) ? value.toLocaleString("en") : NONE);

/** A change in percent, with its sign: colour is not all that tells up from down. */
export function percent(value, digits = 1) {
  if (!isNumber(value)) return NONE;
  const size = Math.abs(value);
  const text = size >= 10000 ? short(size) : size.toFixed(size >= 100 ? 0 : digits);
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${text}%`;
}
export const share = (value) => (isNumber(value) ? `${value.toFixed(value < 10 ? 1 : 0)}%` : NONE);
export const tone = (value) => (!isNumber(value) || value === 0 ? "dim" : value > 0 ? "up" : "down");

/** How long ago, in its largest unit. */
export function ago(ms, now) {
  if (!isNumber(ms)) return NONE;
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 172800) return `${Math.floor(s / 3600)}h`;
  return `${Math.floor(s / 86400)}d`;
}

/** A raw amount (a text of an integer) in whole coins. */
export const coins = (raw, decimals) => (raw === null || raw === undefined ? null : Number(raw) / 10 ** (decimals ?? 0));
export const ends = (address) => (address ? `${address.slice(0, 4)}…${address.slice(-4)}` : NONE);

/** What a token is called. Control, direction and invisible characters are left out. */
export function named(text, most = 32) {
  if (!text) return "";
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "").trim();
  return [...clean].slice(0, most).join("");
}
export const label = (token, mint) => named(token?.symbol, 16) || ends(mint ?? token?.mint);

export function clock(ms) {
  return isNumber(ms) ? new Date(ms).toISOString().slice(11, 19) : NONE;
}
export function day(ms) {
  return isNumber(ms) ? new Date(ms).toISOString().slice(0, 16).replace("T", " ") : NONE;
}

export const sideTag = (side) => h("span", { class: `side ${side === "buy" ? "buy" : "sell"}` }, side ?? NONE);
export const tokenLink = (mint, token) =>
  h("a", { class: "tok", href: `/t/${mint}` }, mark(mint),
    h("span", { class: "who" }, h("b", {}, label(token, mint)), h("small", {}, named(token?.name) || ends(mint))));
export const walletLink = (address) =>
  address ? h("a", { class: "mono", href: `/w/${address}`, title: address }, ends(address)) : h("span", { class: "dim" }, NONE);
export const copyButton = (text) =>
  h("button", { class: "copy", type: "button", title: `Copy ${text}`, onclick: () => navigator.clipboard?.writeText(text) }, ends(text), h("small", {}, " copy"));

// -------------------------------------------------------------------------------------------------- answers
/** Reads a path of the API; throws the problem's words. */
export async function get(path, parameters, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  const answer = await fetch(`/api/v1${path}${text ? `?${text}` : ""}`, { signal });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? body.title ?? `status ${answer.status}`);
  heard(body.meta);
  return body;
}

// --------------------------------------------------------------------------------------------- chain clock
// What time it is on the chain: the frontier and how far it was behind when that was said.
const chain = { at: null, since: 0, lag: null, frame: null, confirmed: null, finalized: null };
function heard(meta) {
  if (!meta || !isNumber(meta.as_of)) return;
  const frontier = meta.as_of / 1000;
  if (chain.at !== null && frontier + (meta.lag_ms ?? 0) < chain.at - 60000) return;
  chain.at = frontier + (meta.lag_ms ?? 0);
  chain.since = performance.now();
  chain.lag = meta.lag_ms ?? null;
  chain.confirmed = meta.confirmed_to ?? chain.confirmed;
  chain.finalized = meta.finalized_to ?? chain.finalized;
}
export const chainNow = () => (chain.at === null ? Date.now() : chain.at + performance.now() - chain.since);

// ---------------------------------------------------------------------------------------- live connection
/** One socket; subscriptions outlive it. What was sent is marked, so that a new socket goes on where the old ended. */
class Live {
  constructor() {
    this.subscriptions = new Map();
    this.next = 1;
    this.mark = null;
    this.state = "connecting";
    this.since = Date.now();
    this.tries = 0;
    this.simulated = false;
    this.beat = performance.now();
    this.connect();
    document.addEventListener("visibilitychange", () => this.rates());
    setInterval(() => {
      // Beats come every five seconds whether or not there is data: silence means a dead line.
      if (this.state === "live" && performance.now() - this.beat > 15000) this.socket?.close();
    }, 1000);
  }

  connect() {
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.socket.onopen = () => { this.beat = performance.now(); };
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = () => this.lost();
  }

  lost() {
    if (this.state === "live") this.since = Date.now();
    this.state = "reconnecting";
    const wait = this.pause ?? Math.min(10000, 300 * 2 ** this.tries) * (0.7 + 0.6 * Math.random());
    this.pause = null;
    this.tries += 1;
    setTimeout(() => this.connect(), wait);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  wanted(sub, after) {
    const rate = document.hidden ? 0.2 : sub.options.max_rate;
    const message = { op: "subscribe", id: sub.id, ch: sub.ch, ...sub.options };
    if (rate) message.max_rate = rate;
    if (after) message.after = after;
    return message;
  }

  /** Calls `take({kind, tables})` with a snapshot, then with changes. Returns how to end it. */
  subscribe(ch, options, take) {
    const sub = { id: this.next++, ch, options: options ?? {}, take, last: null };
    this.subscriptions.set(sub.id, sub);
    if (this.state === "live") this.send(this.wanted(sub));
    return () => {
      this.subscriptions.delete(sub.id);
      this.send({ op: "unsubscribe", id: sub.id });
    };
  }

  /** Hidden tabs ask for few frames. */
  rates() {
    if (this.state !== "live") return;
    for (const sub of this.subscriptions.values()) this.send(this.wanted(sub, sub.last ? `${this.epoch}:${sub.last}` : null));
  }

  take(message) {
    const sub = this.subscriptions.get(message.id);
    switch (message.op) {
      case "hello":
        this.epoch = message.epoch;
        this.simulated = message.is_simulated;
        this.source = message.source;
        if (this.state !== "live") {
          this.state = "live";
          this.tries = 0;
          this.since = Date.now();
          for (const each of this.subscriptions.values()) {
            this.send(this.wanted(each, each.last ? `${each.epoch}:${each.last}` : null));
          }
        }
        break;
      case "beat":
        this.beat = performance.now();
        heard({ as_of: message.frontier, lag_ms: message.lag_ms, confirmed_to: message.confirmed_to, finalized_to: message.finalized_to });
        break;
      case "snapshot":
        if (!sub) break;
        sub.last = message.as_of;
        sub.epoch = this.epoch;
        sub.take({ kind: "snapshot", reason: message.reason, tables: message.tables ?? { rows: message } });
        break;
      case "change": {
        if (!sub) break;
        if (sub.last !== null && message.prev !== sub.last) {
          this.send(this.wanted(sub, `${this.epoch}:${sub.last}`));
          break;
        }
        sub.last = message.as_of;
        this.beat = performance.now();
        if (message.t) chain.frame = Math.max(0, message.t.sent - message.t.received);
        sub.take({ kind: "change", tables: message.tables ?? { rows: message } });
        break;
      }
      case "goodbye":
        this.pause = message.reconnect_ms;
        break;
      case "error":
        console.warn("millrace:", message.problem?.detail);
        break;
    }
  }
}
export const live = new Live();

/** Keeps the rows of a table by key, as snapshot and changes bring them. */
export class Rows {
  constructor(key) { this.key = key; this.map = new Map(); }
  take(kind, table) {
    if (!table) return [];
    if (kind === "snapshot") {
      this.key = table.key?.length ? table.key : this.key;
      this.map.clear();
      for (const row of table.rows) this.map.set(this.keyOf(row), row);
      return table.rows;
    }
    for (const key of table.deletes ?? []) this.map.delete(JSON.stringify(key));
    for (const row of table.upserts ?? []) this.map.set(this.keyOf(row), row);
    return table.upserts ?? [];
  }
  keyOf(row) { return JSON.stringify(this.key.map((name) => row[name])); }
  get rows() { return [...this.map.values()]; }
}

/** Calls at most once a frame, and at most every `pause` ms. */
export function throttled(draw, pause = 250) {
  let last = -Infinity;
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const wait = Math.max(0, last + pause - performance.now());
    setTimeout(() => requestAnimationFrame(() => { waiting = false; last = performance.now(); draw(); }), wait);
  };
}

// --------------------------------------------------------------------------------------------------- strip
function strip() {
  const element = document.getElementById("strip");
  const text = document.getElementById("strip-text");
  const more = document.getElementById("strip-more");
  const draw = () => {
    const behind = chain.at === null ? null : (chain.lag ?? 0) + Math.max(0, performance.now() - Math.max(chain.since, live.beat) - 6000);
    let tone = "live";
    let said;
    if (live.state !== "live") {
      tone = "red";
      said = `${live.state} since ${clock(live.since)}`;
    } else if (behind === null) {
      tone = "amber";
      said = "waiting for the first flush";
    } else {
      tone = behind >= 30000 ? "red" : behind >= 5000 ? "amber" : "live";
      said = `live · ${(behind / 1000).toFixed(1)} s behind the ${live.simulated ? "simulated chain" : "chain"}`;
      if (chain.frame !== null) said += ` · frame ${Math.round(chain.frame)} ms`;
    }
    element.className = `strip ${tone}`;
    if (text.textContent !== said) text.textContent = said;
    const settled = [];
    for (const [name, at] of [["confirmed", chain.confirmed], ["finalized", chain.finalized]]) {
      if (isNumber(at) && chain.at !== null) settled.push(`${name} −${Math.max(0, Math.round((chainNow() - at) / 1000))} s`);
    }
    settled.push(`${clock(chainNow())} UTC`);
    more.textContent = settled.join(" · ");
  };
  draw();
  setInterval(draw, 500);
}

// -------------------------------------------------------------------------------------------------- search
function finder() {
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  let chosen = -1;
  let asked = null;
  const shown = (is) => { list.hidden = !is; input.setAttribute("aria-expanded", String(is)); };
  const choose = (at) => {
    const items = [...list.querySelectorAll("[role=option]")];
    chosen = items.length ? (at + items.length) % items.length : -1;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
    items[chosen]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", items[chosen]?.id ?? "");
  };
  const look = async () => {
    asked?.abort();
    const q = input.value.trim();
    if (!q) return shown(false);
    asked = new AbortController();
    try {
      const { data } = await get("/search", { q, limit: 12 }, asked.signal);
      list.replaceChildren(...data.map((hit, i) => {
        const address = hit.type === "wallet" ? hit.trader : hit.mint;
        const href = hit.type === "wallet" ? `/w/${hit.trader}` : `/t/${hit.mint}`;
        return h("li", { role: "option", id: `hit${i}`, "aria-selected": "false", "data-href": href, onmousedown: () => location.assign(href) },
          mark(address), h("span", { class: "who" }, h("b", {}, hit.type === "token" ? label(hit) : hit.type), " ", h("small", { class: "dim" }, named(hit.name, 24) || ends(address))),
          h("span", { class: "r" }, hit.type === "token" ? usd(hit.market_cap_usd) : ""));
      }));
      if (!data.length) list.replaceChildren(h("li", { class: "dim" }, `Nothing is called “${named(q)}”`));
      shown(true);
      choose(data.length ? 0 : -1);
    } catch (error) {
      if (error.name !== "AbortError") list.replaceChildren(h("li", { class: "down" }, error.message));
    }
  };
  let waiting = 0;
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 120); });
  input.addEventListener("blur", () => setTimeout(() => shown(false), 150));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(chosen + (event.key === "ArrowDown" ? 1 : -1)); }
    if (event.key === "Escape") { shown(false); input.blur(); }
    if (event.key === "Enter") { const item = list.querySelector("[aria-selected=true]"); if (item) location.assign(item.dataset.href); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "")) { event.preventDefault(); input.focus(); input.select(); }
  });
}

// --------------------------------------------------------------------------------------------------- board
const TABS = {
  volume: { name: "Volume", sort: "volume_24h_usd" },
  trending: { name: "Trending", sort: "5m.txns" },
  gainers: { name: "Gainers", sort: "price_change_1h_pct", query: { min_liquidity: 1000, active: 3600 } },
  new: { name: "New", sort: "created_at" },
  graduating: { name: "Graduating", sort: "curve_progress_pct", query: { status: "created,trading" } },
  migrated: { name: "Migrated", sort: "migrated_at", query: { status: "migrated" } },
};
const FILTERS = [
  ["min_liquidity", "Liquidity at least, USD"], ["min_volume", "Volume 24h at least, USD"], ["min_market_cap", "Cap at least, USD"],
  ["max_market_cap", "Cap at most, USD"], ["min_holders", "Holders at least"], ["max_top10", "Top 10 at most, %"],
  ["max_risk", "Risk at most"], ["max_age", "Age at most, s"], ["active", "Traded within, s"], ["search", "Name or symbol"],
];
const COLUMNS = [
  ["price_usd", "Price"], ["price_change_1h_pct", "1h"], ["price_change_24h_pct", "24h"], ["market_cap_usd", "Cap"], ["volume_24h_usd", "Volume 24h"],
  ["liquidity_usd", "Liquidity"], ["1h.txns", "Buys : sells 1h"], ["holders", "Holders"], ["top10_pct", "Top 10"], ["curve_progress_pct", "Curve"], ["risk", "Risk"], ["last_trade_at", "Last"],
];
const LISTED = 60;

function board(main) {
  const state = new URLSearchParams(location.search);
  const rows = new Map();
  let order = [];
  let total = null;
  let isPointed = false;
  const tab = () => TABS[state.get("tab")] ?? TABS.volume;
  const sort = () => state.get("sort") ?? tab().sort;
  const direction = () => state.get("order") ?? "desc";

  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Boards" });
  const filters = h("form", { class: "filters", hidden: !FILTERS.some(([name]) => state.has(name)), onsubmit: (event) => event.preventDefault() });
  const counted = h("span", { class: "count" });
  const head = h("tr");
  const body = h("tbody");
  const trouble = h("div", { class: "error", hidden: true, role: "alert" });
  main.replaceChildren(
    h("h1", { class: "unseen" }, "Board"),
    h("div", { class: "bar" }, tabs, h("button", { class: "btn", type: "button", "aria-expanded": String(!filters.hidden), onclick: (event) => {
      filters.hidden = !filters.hidden;
      event.currentTarget.setAttribute("aria-expanded", String(!filters.hidden));
    } }, "Filters"), counted),
    filters, trouble,
    h("div", { class: "panel scroll" }, h("table", { class: "cards" }, h("thead", {}, head), body)));
  body.addEventListener("pointerenter", () => { isPointed = true; });
  body.addEventListener("pointerleave", () => { isPointed = false; draw(); });

  for (const [key, each] of Object.entries(TABS)) {
    tabs.append(h("button", { type: "button", role: "tab", "data-tab": key, onclick: () => { state.set("tab", key); state.delete("sort"); state.delete("order"); changed(); } }, each.name));
  }
  tabs.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const all = [...tabs.children];
    const at = all.indexOf(document.activeElement) + (event.key === "ArrowRight" ? 1 : -1);
    all[(at + all.length) % all.length].focus();
  });
  let typing = 0;
  for (const [name, text] of FILTERS) {
    const input = h("input", { name, value: state.get(name) ?? "", inputmode: name === "search" ? "text" : "decimal", maxlength: 64, oninput: () => {
      if (input.value) state.set(name, input.value); else state.delete(name);
      clearTimeout(typing);
      typing = setTimeout(changed, 300);
    } });
    filters.append(h("label", {}, text, input));
  }
  filters.append(h("button", { class: "btn end", type: "button", onclick: () => {
    for (const [name] of FILTERS) state.delete(name);
    for (const input of filters.querySelectorAll("input")) input.value = "";
    changed();
  } }, "Clear"));

  const titles = () => {
    head.replaceChildren(h("th", { scope: "col" }, "Token"), ...COLUMNS.map(([key, text]) => {
      const isIt = sort() === key;
      return h("th", { scope: "col", "aria-sort": isIt ? (direction() === "desc" ? "descending" : "ascending") : null },
        h("button", { type: "button", onclick: () => { state.set("order", isIt && direction() === "desc" ? "asc" : "desc"); state.set("sort", key); changed(); } },
          text, isIt ? (direction() === "desc" ? " ↓" : " ↑") : ""));
    }));
    for (const button of tabs.children) button.setAttribute("aria-selected", String((state.get("tab") ?? "volume") === button.dataset.tab));
  };

  const lines = new Map();
  const line = (mint) => {
    let found = lines.get(mint);
    if (!found) {
      const cells = COLUMNS.map(([key, text]) => h("td", { "data-l": text, class: key === "price_usd" ? "px" : ["top10_pct", "risk", "last_trade_at"].includes(key) ? "opt" : null }));
      const token = h("td");
      found = { tr: h("tr", {}, token, ...cells), token, cells, said: [] };
      // Cards: the price stands beside the name.
      lines.set(mint, found);
    }
    return found;
  };
  const put = (found, at, text, className, content) => {
    if (found.said[at] === text) return;
    found.said[at] = text;
    const cell = found.cells[at];
    cell.replaceChildren(content ?? h("span", { class: className }, text));
  };
  const fill = (mint) => {
    const token = rows.get(mint);
    const found = line(mint);
    const title = `${token.symbol}|${token.name}|${token.status}|${token.dev_sold}`;
    if (found.title !== title) {
      found.title = title;
      const link = tokenLink(mint, token);
      found.age = h("small");
      link.querySelector("small").after(found.age);
      link.querySelector("small").remove();
      if (token.status === "migrated") link.querySelector("b").append(h("span", { class: "tag good" }, "migrated"));
      if (token.status === "dead") link.querySelector("b").append(h("span", { class: "tag" }, "dead"));
      if (token.dev_sold) link.querySelector("b").append(h("span", { class: "tag bad" }, "dev sold"));
      found.token.replaceChildren(link);
    }
    const age = `${named(token.name, 20) || ends(mint)} · ${ago(token.created_at, chainNow())}`;
    if (found.age.textContent !== age) found.age.textContent = age;
    if (isNumber(found.price) && isNumber(token.price) && token.price !== found.price) {
      found.tr.classList.remove("flash-up", "flash-down");
      void found.tr.offsetWidth;
      found.tr.classList.add(token.price > found.price ? "flash-up" : "flash-down");
    }
    found.price = token.price;
    const stats = token.stats?.["1h"];
    put(found, 0, isNumber(token.price_usd) ? `$${price(token.price_usd)}` : price(token.price));
    put(found, 1, percent(token.price_change_1h_pct), tone(token.price_change_1h_pct));
    put(found, 2, percent(token.price_change_24h_pct), tone(token.price_change_24h_pct));
    put(found, 3, usd(token.market_cap_usd));
    put(found, 4, usd(token.volume_24h_usd));
    put(found, 5, usd(token.liquidity_usd));
    const split = stats ? `${stats.buys}:${stats.sells}` : NONE;
    put(found, 6, split, null, stats ? h("span", { title: `${stats.buys} buys, ${stats.sells} sells in an hour` }, `${count(stats.buys)} : ${count(stats.sells)} `, ratio(stats)) : null);
    put(found, 7, count(token.holders));
    put(found, 8, share(token.top10_pct), token.top10_pct > 50 ? "amber" : null);
    const curve = token.curve_progress_pct;
    put(found, 9, isNumber(curve) ? `${curve.toFixed(1)}%` : NONE, null, isNumber(curve) ? h("span", {}, progress(curve), ` ${curve.toFixed(0)}%`) : null);
    put(found, 10, isNumber(token.risk) ? String(token.risk) : NONE, token.risk >= 50 ? "down" : token.risk >= 25 ? "amber" : null);
    put(found, 11, ago(token.last_trade_at, chainNow()), "dim");
  };
  let drawn = [];
  const draw = throttled(() => {
    // Rows do not move under the pointer or the focus: a new order waits.
    const isHeld = (isPointed || body.contains(document.activeElement)) && drawn.length && drawn.every((mint) => rows.has(mint));
    const shown = isHeld ? drawn : order;
    const height = innerHeight;
    for (const mint of shown) {
      const found = lines.get(mint);
      if (found?.tr.isConnected) {
        const box = found.tr.getBoundingClientRect();
        if (box.bottom < -200 || box.top > height + 200) continue;
      }
      fill(mint);
    }
    if (!isHeld && (shown.length !== body.childElementCount || shown.some((mint, i) => body.children[i] !== lines.get(mint).tr))) {
      body.replaceChildren(...shown.map((mint) => { if (!lines.get(mint)) fill(mint); return lines.get(mint).tr; }));
      for (const mint of lines.keys()) if (!shown.includes(mint)) lines.delete(mint);
    }
    drawn = shown;
    if (!shown.length && total !== null) body.replaceChildren(h("tr", {}, h("td", { class: "empty", colspan: COLUMNS.length + 1 }, "No token is so. Loosen the filters.")));
    counted.textContent = total === null ? "" : `${count(total)} tokens`;
  }, 250);

  let asked = null;
  const load = async () => {
    asked?.abort();
    asked = new AbortController();
    const query = { sort: sort(), order: direction(), limit: LISTED, windows: "1h", ...tab().query };
    for (const [name] of FILTERS) if (state.get(name)) query[name] = state.get(name);
    try {
      const { data, meta } = await get("/tokens", query, asked.signal);
      order = data.map((token) => token.mint);
      total = meta.total;
      for (const token of data) rows.set(token.mint, token);
      for (const mint of rows.keys()) if (!order.includes(mint) && !drawn.includes(mint)) rows.delete(mint);
      trouble.hidden = true;
      draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  };
  const changed = () => {
    history.replaceState(null, "", `${location.pathname}${state.size ? `?${state}` : ""}`);
    drawn = [];
    titles();
    load();
  };
  titles();
  const first = JSON.parse(document.getElementById("first").textContent || "null");
  if (first && !location.search) {
    heard(first);
    order = first.rows.map((token) => token.mint);
    for (const token of first.rows) rows.set(token.mint, token);
    draw();
  }
  load();
  setInterval(() => { if (!document.hidden) load(); }, 2000);
  setInterval(() => { if (!document.hidden) draw(); }, 1000);
  live.subscribe("market", { max_rate: 4 }, ({ kind, tables }) => {
    for (const token of (kind === "snapshot" ? tables.tokens?.rows : tables.tokens?.upserts) ?? []) {
      const known = rows.get(token.mint);
      if (known) rows.set(token.mint, { ...known, ...token });
    }
    draw();
  });
}

export function ratio({ buys, sells }) {
  const all = buys + sells;
  const bar = h("i");
  bar.style.width = `${all ? (100 * buys) / all : 50}%`;
  return h("span", { class: "ratio", "aria-hidden": "true" }, bar);
}
export function progress(percentage) {
  const bar = h("i");
  bar.style.width = `${Math.min(100, percentage)}%`;
  return h("span", { class: "curve", "aria-hidden": "true" }, bar);
}

// --------------------------------------------------------------------------------------------------- start
const page = document.body.dataset.page;
for (const link of document.querySelectorAll("[data-nav]")) if (link.dataset.nav === page) link.setAttribute("aria-current", "page");
const main = document.getElementById("main");
export function fail(error) {
  main.prepend(h("div", { class: "error", role: "alert" }, error.message ?? String(error)));
}
strip();
finder();
if (page === "board") board(main);
else import(page === "token" ? "./token.js" : "./pages.js").then((module) => module.show(page, main)).catch(fail);
