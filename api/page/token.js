// A token: its chart, windows, trades, holders, labels, pools.
import { h, get, live, Rows, throttled, price, usd, short, count, percent, share, tone, ago, coins, ends, named, label, clock, day, chainNow, mark, sideTag, walletLink, copyButton, ratio, progress } from "./app.js";

const INTERVALS = ["1s", "15s", "1m", "5m", "15m", "1h", "4h", "1d"];
const WINDOWS = ["1m", "5m", "15m", "1h", "4h", "6h", "12h", "24h"];
const KEPT_TRADES = 200;
const SOL = "So11111111111111111111111111111111111111112";

export async function show(_, main) {
  const mint = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  const head = h("div", { class: "head" });
  const chart = h("div", { id: "chart", role: "img", "aria-label": "Price chart" });
  const bar = h("div", { class: "bar" });
  const stats = h("div", { class: "scroll" });
  const trades = h("div", { class: "panel" });
  const holders = h("div", { class: "panel" });
  const facts = h("div", { class: "panel pad" });
  const labels = h("div", { class: "panel" });
  main.replaceChildren(head, h("div", { class: "cols" },
    h("div", { class: "stack" }, h("div", { class: "panel" }, bar, chart), h("div", { class: "panel" }, h("h2", {}, "Windows"), stats), labels),
    h("div", { class: "stack" }, trades, facts, holders)));

  const known = { token: null, stats: new Map(), concentration: null, holders: new Rows(["mint", "owner"]), pools: new Rows(["pool"]), labels: {}, lifecycle: [] };
  const draw = throttled(() => {
    if (!known.token) return;
    drawHead(head, known.token, mint);
    drawStats(stats, known.stats, known.token);
    drawFacts(facts, known, mint);
    drawHolders(holders, known.holders.rows, known.token);
  }, 200);
  live.subscribe(`token:${mint}`, { max_rate: 5 }, ({ kind, tables }) => {
    const rows = (name) => (kind === "snapshot" ? tables[name]?.rows : tables[name]?.upserts) ?? [];
    for (const token of rows("tokens")) known.token = token;
    if (kind === "snapshot") known.stats.clear();
    for (const each of rows("token_stats")) known.stats.set(each.window, each);
    for (const each of rows("concentration")) known.concentration = each;
    known.holders.take(kind, tables.holders);
    known.pools.take(kind, tables.pools);
    draw();
  });
  drawTrades(trades, mint, known);
  drawLabels(labels, mint);
  await drawChart({ mint, bar, chart, known });
}

function drawHead(head, token, mint) {
  const title = `${label(token, mint)} · $${price(token.price_usd)} · millrace`;
  if (document.title !== title) document.title = title;
  const unit = token.quote_mint === SOL ? "SOL" : ends(token.quote_mint);
  const fact = (name, value, className) => h("div", {}, h("small", {}, name), h("span", { class: className ?? null }, value));
  head.replaceChildren(
    h("div", { class: "tok" }, mark(mint), h("span", { class: "who" }, h("h1", {}, label(token, mint)), h("small", {}, named(token.name)),)),
    h("div", {}, h("span", { class: "price" }, price(token.price_usd) === "–" ? `${price(token.price)} ${unit}` : `$${price(token.price_usd)}`), " ",
      h("span", { class: tone(token.price_change_1h_pct) }, `${percent(token.price_change_1h_pct)} 1h`)),
    h("div", { class: "facts" },
      fact("Price", `${price(token.price)} ${unit}`), fact("24h", percent(token.price_change_24h_pct), tone(token.price_change_24h_pct)),
      fact("Market cap", usd(token.market_cap_usd)), fact("Liquidity", usd(token.liquidity_usd)), fact("Volume 24h", usd(token.volume_24h_usd)),
      fact("Holders", count(token.holders)), fact("Last trade", `${ago(token.last_trade_at, chainNow())} ago`)),
    h("span", {}, h("span", { class: "tag" }, token.status ?? ""), token.dev_sold ? h("span", { class: "tag bad" }, "dev sold") : null, " ", copyButton(mint)));
}

function drawStats(place, stats, token) {
  const row = (name, each) => h("tr", {}, h("th", { scope: "row", class: "l" }, name), ...WINDOWS.map((window) => {
    const of = stats.get(window);
    const [text, className] = of ? [each(of)].flat() : ["–"];
    return h("td", { class: className ?? null }, text);
  }));
  const decimals = token.quote_mint === SOL ? 9 : 6;
  place.replaceChildren(h("table", { class: "stats" }, h("thead", {}, h("tr", {}, h("th", { class: "l" }, ""), ...WINDOWS.map((w) => h("th", { scope: "col" }, w)))), h("tbody", {},
    row("Change", (s) => [percent(s.price_change_pct), tone(s.price_change_pct)]),
    row("Volume", (s) => usd(s.volume_usd)),
    row("Net", (s) => { const net = coins(s.net_volume_quote, decimals); return [short(net), tone(net)]; }),
    row("Trades", (s) => count(s.txns)),
    row("Buys : sells", (s) => `${short(s.buys)} : ${short(s.sells)}`),
    row("Traders", (s) => count(s.makers)))));
}

function drawFacts(place, known, mint) {
  const { token, concentration } = known;
  const pair = (name, ...value) => h("tr", {}, h("th", { scope: "row", class: "l" }, name), h("td", {}, ...value));
  const part = concentration ?? {};
  place.replaceChildren(h("h2", {}, "About"), h("table", {}, h("tbody", {},
    pair("Created", `${day(token.created_at)}`), pair("Program", token.program ?? "–"), pair("Creator", walletLink(token.creator)), pair("Mint", copyButton(mint)),
    pair("Curve", ...(token.curve_progress_pct === null ? ["–"] : [progress(token.curve_progress_pct), ` ${share(token.curve_progress_pct)}`])),
    pair("Top 10 hold", share(part.top10_pct ?? token.top10_pct)), pair("Gini", part.gini?.toFixed(3) ?? "–"),
    pair("Dev holds", share(token.dev_hold_pct)), pair("Snipers · bundlers", `${share(token.snipers_held_pct)} · ${share(token.bundlers_held_pct)}`),
    pair("Risk", h("span", { class: token.risk >= 50 ? "down" : token.risk >= 25 ? "amber" : null }, token.risk === null ? "–" : `${token.risk} of 100`), token.risk_items ? h("small", { class: "dim" }, ` ${token.risk_items.replace(/,/g, ", ")}`) : null),
    ...known.pools.rows.map((pool) => pair(pool.pool === token.primary_pool ? "Primary pool" : "Pool", `${pool.program} `, copyButton(pool.pool))))));
}

function drawHolders(place, rows, token) {
  rows.sort((a, b) => a.rank - b.rank);
  place.replaceChildren(h("h2", {}, "Largest holders"), h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Owner"), h("th", {}, "Share"), h("th", {}, "Balance"))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, h("td", {}, `${row.rank} `, walletLink(row.owner), row.kind && row.kind !== "wallet" ? h("span", { class: "tag" }, row.kind) : null),
      h("td", {}, share(row.share_pct)), h("td", {}, short(coins(row.balance, token.decimals ?? 6)))))))));
}

function drawTrades(place, mint, known) {
  const filters = { side: "", min_usd: "" };
  const body = h("tbody");
  const rows = new Rows(["event_id"]);
  let stop = null;
  let fresh = new Set();
  let isHeld = false;
  const inOrder = (a, b) => b.slot - a.slot || (b.tx_index ?? 1e9) - (a.tx_index ?? 1e9) || b.outer_ix - a.outer_ix || (b.inner_ix ?? -1) - (a.inner_ix ?? -1);
  const draw = throttled(() => {
    if (isHeld) return;
    const shown = rows.rows.sort(inOrder).slice(0, KEPT_TRADES);
    if (rows.map.size > 2 * KEPT_TRADES) {
      rows.map.clear();
      for (const row of shown) rows.map.set(rows.keyOf(row), row);
    }
    body.replaceChildren(...shown.slice(0, 100).map((trade) => h("tr", { class: fresh.has(trade.event_id) ? "fresh" : null },
      h("td", { title: day(trade.block_time) }, clock(trade.block_time)), h("td", { class: "l" }, sideTag(trade.side)), h("td", {}, usd(trade.value_usd)),
      h("td", { class: "opt" }, short(coins(trade.base_amount, trade.base_decimals))), h("td", { class: trade.price_ok === false ? "dim" : null }, price(trade.price)),
      h("td", {}, walletLink(trade.trader), trade.labels ? h("span", { class: "tag", title: trade.labels }, trade.labels.split(",")[0]) : null))));
    if (!shown.length) body.replaceChildren(h("tr", {}, h("td", { class: "empty", colspan: 6 }, "No trade is so yet.")));
    fresh = new Set();
  }, 200);
  const begin = () => {
    stop?.();
    const options = { max_rate: 10 };
    if (filters.side) options.side = filters.side;
    if (filters.min_usd) options.min_usd = Number(filters.min_usd);
    stop = live.subscribe(`trades:${mint}`, options, ({ kind, tables }) => {
      const taken = rows.take(kind, tables.rows);
      if (kind === "change") for (const trade of taken) fresh.add(trade.event_id);
      draw();
    });
  };
  const select = (name, text, choices) => h("select", { "aria-label": text, onchange: (event) => { filters[name] = event.target.value; rows.map.clear(); begin(); } },
    ...choices.map(([value, shown]) => h("option", { value }, shown)));
  const controls = h("span", { class: "bar" }, select("side", "Side", [["", "All sides"], ["buy", "Buys"], ["sell", "Sells"]]), select("min_usd", "Least worth", [["", "Any size"], ["100", "≥ $100"], ["1000", "≥ $1k"], ["10000", "≥ $10k"]]));
  for (const each of controls.children) each.style.width = "auto";
  const list = h("div", { class: "trades", onpointerenter: () => { isHeld = true; }, onpointerleave: () => { isHeld = false; draw(); } },
    h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Time"), h("th", { class: "l" }, "Side"), h("th", {}, "Worth"), h("th", { class: "opt" }, "Amount"), h("th", {}, "Price"), h("th", {}, "Wallet"))), body));
  place.replaceChildren(h("div", { class: "bar" }, h("h2", {}, "Trades"), h("span", { class: "count" }), controls), list);
  begin();
}

async function drawLabels(place, mint) {
  try {
    const { data } = await get(`/tokens/${mint}/labels`, { limit: 50 });
    if (!data.length) return place.remove();
    place.replaceChildren(h("h2", {}, "What was found"), h("div", { class: "scroll" }, h("table", { class: "cards" }, h("thead", {}, h("tr", {}, h("th", {}, "Of"), h("th", { class: "l" }, "Label"), h("th", { class: "l" }, "Why"))),
      h("tbody", {}, ...data.map((row) => h("tr", {}, h("td", {}, row.wallet ? walletLink(row.wallet) : h("span", { class: "mono" }, ends(row.subject))), h("td", { class: "l" }, h("span", { class: "tag bad" }, row.kind)), h("td", { class: "l", style: null }, row.reason ?? "")))))));
  } catch (error) {
    place.replaceChildren(h("div", { class: "empty" }, error.message));
  }
}

// --------------------------------------------------------------------------------------------------- chart
async function drawChart({ mint, bar, chart, known }) {
  const { createChart, CandlestickSeries, HistogramSeries, createSeriesMarkers } = await import("./vendor/lightweight-charts.mjs");
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const look = () => ({
    layout: { background: { color: "transparent" }, textColor: css("--dim"), attributionLogo: true, fontFamily: "system-ui, sans-serif" },
    grid: { vertLines: { color: css("--soft") }, horzLines: { color: css("--soft") } },
    rightPriceScale: { borderColor: css("--line") },
    timeScale: { borderColor: css("--line"), timeVisible: true, secondsVisible: true, rightOffset: 4 },
    crosshair: { mode: 0 },
  });
  const made = createChart(chart, { autoSize: true, ...look(), localization: { priceFormatter: price } });
  const series = made.addSeries(CandlestickSeries, { upColor: css("--up"), downColor: css("--down"), wickUpColor: css("--up"), wickDownColor: css("--down"), borderVisible: false });
  const volume = made.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
  made.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  series.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.22 } });
  const markers = createSeriesMarkers(series, []);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    made.applyOptions(look());
    series.applyOptions({ upColor: css("--up"), downColor: css("--down"), wickUpColor: css("--up"), wickDownColor: css("--down") });
    all();
  });

  const state = { interval: new URLSearchParams(location.search).get("interval") ?? "15s", series: "primary", bars: new Map(), isWhole: false, isAsking: false, stop: null, turn: 0 };
  window.millraceBars = state.bars;
  const candle = (row) => ({ time: row.open_time / 1000, open: row.open, high: row.high, low: row.low, close: row.close });
  const column = (row) => ({ time: row.open_time / 1000, value: row.volume_usd ?? Number(row.volume_quote) / 1e9, color: row.close >= row.open ? css("--upbg") : css("--downbg") });
  const isBar = (row) => [row.open, row.high, row.low, row.close].every((each) => typeof each === "number");
  const sorted = () => [...state.bars.values()].filter(isBar).sort((a, b) => a.open_time - b.open_time);
  const move = (bars) => {
    // The scale shows as many digits as the price has.
    const least = bars.reduce((low, row) => Math.min(low, row.low), Infinity);
    if (Number.isFinite(least) && least > 0) series.applyOptions({ priceFormat: { type: "custom", formatter: price, minMove: 10 ** (Math.floor(Math.log10(least)) - 4) } });
  };
  const all = () => {
    const bars = sorted();
    move(bars);
    series.setData(bars.map(candle));
    volume.setData(bars.map(column));
  };
  const begin = () => {
    state.stop?.();
    state.bars.clear();
    state.isWhole = false;
    state.turn += 1;
    const ch = `candles:${mint}:${state.interval}${state.series === "primary" ? "" : `:${state.series}`}`;
    state.stop = live.subscribe(ch, { max_rate: 10 }, ({ kind, tables }) => {
      const table = tables.rows;
      if (kind === "snapshot") {
        // What was read further back stays; a snapshot after a gap replaces what it holds.
        for (const row of table.rows) state.bars.set(row.open_time, row);
        all();
        if (state.bars.size === table.rows.length) made.timeScale().setVisibleLogicalRange({ from: state.bars.size - 120, to: state.bars.size + 4 });
        drawMarkers();
        return;
      }
      if (table.deletes?.length) {
        const at = table.deletes.map((key) => key.find((part) => typeof part === "number"));
        for (const open of at) state.bars.delete(open);
        for (const row of table.upserts) state.bars.set(row.open_time, row);
        return all();
      }
      const newest = Math.max(0, ...state.bars.keys());
      for (const row of table.upserts.sort((a, b) => a.open_time - b.open_time)) {
        const isKnown = state.bars.has(row.open_time);
        state.bars.set(row.open_time, row);
        if (!isBar(row)) continue;
        // A bar in the midst that was not there needs all data anew; one that was is corrected in its place.
        if (row.open_time < newest && !isKnown) { all(); continue; }
        const isOlder = row.open_time < newest;
        series.update(candle(row), isOlder);
        volume.update(column(row), isOlder);
      }
    });
  };
  made.timeScale().subscribeVisibleLogicalRangeChange(async (range) => {
    if (!range || range.from > 10 || state.isWhole || state.isAsking || !state.bars.size) return;
    state.isAsking = true;
    const turn = state.turn;
    try {
      const to = Math.min(...state.bars.keys());
      const { data } = await get(`/tokens/${mint}/chart`, { interval: state.interval, series: state.series, to, countback: 500 });
      if (turn !== state.turn) return;
      state.isWhole = data.bars.length < 500;
      for (const row of data.bars) state.bars.set(row.open_time, row);
      if (data.bars.length) all();
    } finally {
      state.isAsking = false;
    }
  });

  const drawMarkers = async () => {
    const length = { s: 1, m: 60, h: 3600, d: 86400 }[state.interval.slice(-1)] * parseInt(state.interval, 10);
    const found = [];
    try {
      const [matches, alerts] = await Promise.all([get("/smart/matches", { mint, limit: 200 }), get("/alerts", { mint, limit: 100 })]);
      for (const row of matches.data) {
        const isBuy = row.side === "buy";
        found.push({ time: Math.floor(row.block_time / 1000 / length) * length, position: isBuy ? "belowBar" : "aboveBar", shape: isBuy ? "arrowUp" : "arrowDown", color: css(isBuy ? "--up" : "--down"), text: row.list });
      }
      for (const row of alerts.data) found.push({ time: Math.floor(row.fired_at / 1000 / length) * length, position: "aboveBar", shape: "circle", color: css("--amber"), text: row.kind });
    } catch { return; }
    // One of a kind on a bar: many would cover it.
    const seen = new Set();
    const first = Math.min(...state.bars.keys()) / 1000;
    markers.setMarkers(found.filter((each) => each.time >= first && !seen.has(`${each.time}${each.shape}`) && seen.add(`${each.time}${each.shape}`)).sort((a, b) => a.time - b.time));
  };
  setInterval(() => { if (!document.hidden) drawMarkers(); }, 10000);

  const chips = h("div", { class: "chips", role: "group", "aria-label": "Interval" }, ...INTERVALS.map((interval) => h("button", { type: "button", "aria-pressed": String(interval === state.interval), onclick: (event) => {
    state.interval = interval;
    for (const other of chips.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
    begin();
  } }, interval)));
  const which = h("select", { "aria-label": "Series", onchange: () => { state.series = which.value; begin(); } }, h("option", { value: "primary" }, "Primary pool"), h("option", { value: "all" }, "All pools"));
  which.style.width = "auto";
  bar.replaceChildren(chips, which);
  begin();
}
