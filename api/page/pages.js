// Smart money, alerts, wallets, and the documents.
import { h, get, live, Rows, throttled, price, usd, short, count, percent, share, tone, ago, coins, ends, named, day, clock, chainNow, tokenLink, walletLink, sideTag, copyButton, fail, label } from "./app.js";

const SOL_DECIMALS = 9;

export async function show(page, main) {
  await { smart, alerts, wallet, docs }[page](main);
}

const table = (titles, body, name) => h("div", { class: "scroll" }, h("table", { class: "cards", "aria-label": name }, h("thead", {}, h("tr", {}, ...titles.map((title) => h("th", { scope: "col", class: title.startsWith("<") ? "l" : null }, title.replace("<", ""))))), body));
const cell = (title, content, className) => h("td", { "data-l": title, class: className ?? null }, content);
const none = (columns, text) => h("tr", {}, h("td", { class: "empty", colspan: columns }, text));

// --------------------------------------------------------------------------------------------------- smart
async function smart(main) {
  const matches = new Rows(["event_id", "list"]);
  const clusters = new Rows(["list", "mint", "window_start"]);
  const tokens = new Map();
  const matched = h("tbody");
  const clustered = h("tbody");
  const lists = h("div", { class: "facts pad" });
  main.replaceChildren(h("div", { class: "bar" }, h("h1", {}, "Smart money")), h("div", { class: "panel" }, h("h2", {}, "Lists"), lists),
    h("div", { class: "two", style: null },
      h("div", { class: "panel" }, h("h2", {}, "Bought together"), table(["Token", "<List", "Wallets", "Net", "Since"], clustered, "Clusters")),
      h("div", { class: "panel" }, h("h2", {}, "Trades of listed wallets"), table(["Token", "<Side", "Worth", "Wallet", "<List", "Time"], matched, "Matches"))));
  main.children[2].style.marginTop = "12px";
  const draw = throttled(() => {
    const old = (row) => (row.historical ? h("span", { class: "tag", title: "The wallet was found to be on the list only afterwards" }, "historical") : null);
    matched.replaceChildren(...matches.rows.sort((a, b) => b.block_time - a.block_time).slice(0, 100).map((row) => h("tr", {},
      h("td", {}, tokenLink(row.mint, tokens.get(row.mint))), cell("Side", [sideTag(row.side), row.opens ? h("span", { class: "tag good" }, "opens") : null, row.closes ? h("span", { class: "tag" }, "closes") : null], "l"),
      cell("Worth", usd(row.value_usd)), cell("Wallet", walletLink(row.trader)), cell("List", [row.list, old(row)], "l"), cell("Time", `${ago(row.block_time, chainNow())} ago`))));
    if (!matches.map.size) matched.replaceChildren(none(6, "No listed wallet has traded yet. Lists are files: --list wallets.jsonl"));
    clustered.replaceChildren(...clusters.rows.sort((a, b) => b.window_start - a.window_start).slice(0, 50).map((row) => h("tr", {},
      h("td", {}, tokenLink(row.mint, tokens.get(row.mint))), cell("List", [row.list, old(row)], "l"), cell("Wallets", count(row.count)),
      cell("Net", h("span", { class: tone(Number(row.net_quote)) }, `${short(coins(row.net_quote, SOL_DECIMALS))} SOL`)), cell("Since", `${ago(row.window_start, chainNow())} ago`))));
    if (!clusters.map.size) clustered.replaceChildren(none(5, "No token was bought by several of them within a while."));
  }, 300);
  live.subscribe("smart", { max_rate: 4 }, ({ kind, tables }) => {
    matches.take(kind, tables.smart_matches);
    clusters.take(kind, tables.smart_clusters);
    for (const token of (kind === "snapshot" ? tables.tokens?.rows : tables.tokens?.upserts) ?? []) tokens.set(token.mint, token);
    draw();
  });
  setInterval(draw, 1000);
  const { data } = await get("/lists");
  lists.replaceChildren(...(data.length ? data.map((list) => h("div", {}, h("small", {}, list.list), h("span", {}, `${count(list.wallets)} wallets`))) : [h("span", { class: "dim" }, "None yet.")]));
}

// -------------------------------------------------------------------------------------------------- alerts
async function alerts(main) {
  const rows = new Rows(["alert_id"]);
  const tokens = new Map();
  const body = h("tbody");
  const rules = h("tbody");
  const why = h("div", { class: "panel pad", hidden: true, tabindex: "-1" });
  const announce = document.getElementById("announce");
  main.replaceChildren(h("div", { class: "bar" }, h("h1", {}, "Alerts")), why,
    h("div", { class: "panel" }, h("h2", {}, "Given"), table(["Token", "<Rule", "<What", "Value", "Threshold", "<State", "When", ""], body, "Alerts")),
    h("div", { class: "panel" }, h("h2", {}, "Rules"), table(["Rule", "<Watches", "<Of", "Threshold", "<Options", "Valid"], rules, "Rules")));
  main.children[3].style.marginTop = "12px";
  const explain = async (id) => {
    const { data } = await get(`/alerts/${id}/why`);
    const { alert, rule, evidence } = data;
    why.hidden = false;
    why.replaceChildren(h("div", { class: "bar" }, h("h2", {}, `Why ${id.slice(0, 8)}…`), h("button", { class: "btn count", type: "button", onclick: () => { why.hidden = true; } }, "Close")),
      h("p", {}, `Rule ${alert.rule_id}, version ${alert.rule_version}: ${alert.kind}${alert.threshold === null ? "" : ` at ${price(alert.threshold)}`}. The value was ${price(alert.value)} at ${day(alert.fired_at)}.`,
        alert.reason ? ` Taken back: ${alert.reason}.` : ""),
      rule ? h("p", { class: "dim" }, `${rule.scope ?? ""} ${rule.options ?? ""}`) : null,
      table(["Trade", "<Side", "Worth", "Price", "Wallet", "Time"], h("tbody", {}, ...evidence.map((trade) => h("tr", {}, h("td", { class: "mono" }, trade.event_id), cell("Side", sideTag(trade.side), "l"), cell("Worth", usd(trade.value_usd)), cell("Price", price(trade.price)), cell("Wallet", walletLink(trade.trader)), cell("Time", clock(trade.block_time)))), evidence.length ? null : none(6, "The events are no trades that are kept.")), "Evidence"));
    why.focus();
  };
  const draw = throttled(() => {
    body.replaceChildren(...rows.rows.sort((a, b) => b.fired_at - a.fired_at).slice(0, 100).map((row) => h("tr", {},
      h("td", {}, tokenLink(row.mint, tokens.get(row.mint))), cell("Rule", row.rule_id, "l"), cell("What", row.kind.replaceAll("_", " "), "l"), cell("Value", price(row.value)), cell("Threshold", price(row.threshold)),
      cell("State", h("span", { class: `tag ${row.state === "retracted" ? "bad" : "good"}`, title: row.reason ?? "" }, row.state), "l"), cell("When", `${ago(row.fired_at, chainNow())} ago`),
      h("td", {}, h("button", { class: "btn", type: "button", onclick: () => explain(row.alert_id).catch(fail) }, "Why")))));
    if (!rows.map.size) body.replaceChildren(none(8, "No rule has fired yet. Rules are files: --rules rules.toml"));
  }, 300);
  live.subscribe("alerts", { max_rate: 4 }, ({ kind, tables }) => {
    const taken = rows.take(kind, tables.rows);
    if (kind === "change") for (const row of taken) announce.textContent = `Alert ${row.rule_id}: ${row.kind} ${label(tokens.get(row.mint), row.mint)}`;
    name(taken);
    draw();
  });
  const name = async (taken) => {
    const unknown = [...new Set(taken.map((row) => row.mint))].filter((mint) => mint && !tokens.has(mint)).slice(0, 100);
    if (!unknown.length) return;
    for (const token of (await get("/tokens", { mints: unknown.join(","), limit: 100, fields: "mint,name,symbol" })).data) tokens.set(token.mint, token);
    draw();
  };
  setInterval(draw, 1000);
  const { data } = await get("/rules", { limit: 200 });
  rules.replaceChildren(...data.map((rule) => h("tr", {}, h("td", {}, `${rule.rule_id} `, h("small", { class: "dim" }, `v${rule.version}`)), cell("Watches", rule.kind.replaceAll("_", " "), "l"), cell("Of", rule.scope ?? "", "l"), cell("Threshold", price(rule.threshold)), cell("Options", rule.options ?? "", "l"), cell("Valid", rule.valid_to === null ? "now" : `until ${day(rule.valid_to)}`))));
  if (!data.length) rules.replaceChildren(none(6, "There is no rule yet."));
}

// -------------------------------------------------------------------------------------------------- wallet
async function wallet(main) {
  const address = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  document.title = `${ends(address)} · millrace`;
  const state = { stats: new Map(), positions: new Rows(["trader", "mint"]), trades: new Rows(["event_id"]) };
  const tokens = new Map();
  const head = h("div", { class: "head" }, h("h1", { class: "mono" }, ends(address)), copyButton(address));
  const about = h("span");
  head.append(about);
  const stats = h("tbody");
  const positions = h("tbody");
  const trades = h("tbody");
  main.replaceChildren(head, h("div", { class: "stack" }, h("div", { class: "panel" }, h("h2", {}, "By period"), table(["Period", "Trades", "Win rate", "Realised", "In USD", "ROI", "Median hold", "Tokens"], stats, "Periods")),
    h("div", { class: "two" }, h("div", { class: "panel" }, h("h2", {}, "Positions"), table(["Token", "Realised", "Unrealised", "ROI", "Held", "<State"], positions, "Positions")),
      h("div", { class: "panel" }, h("h2", {}, "Trades"), table(["Token", "<Side", "Worth", "Price", "Time"], trades, "Trades")))));
  const money = (value) => h("span", { class: tone(value) }, usd(value));
  const draw = throttled(() => {
    const order = ["1d", "7d", "30d", "90d", "all"];
    const roi = (row) => row.roi_sol;
    const realised = (row) => coins(row.realised_sol, SOL_DECIMALS);
    stats.replaceChildren(...[...state.stats.values()].sort((a, b) => order.indexOf(a.period) - order.indexOf(b.period)).map((row) => h("tr", {}, h("td", {}, row.period), cell("Trades", count(row.trades)), cell("Win rate", share(row.win_rate_sol === null || row.win_rate_sol === undefined ? null : 100 * row.win_rate_sol)),
      cell("Realised", h("span", { class: tone(realised(row)) }, `${short(realised(row))} SOL`)), cell("In USD", money(row.realised_usd)), cell("ROI", percent(roi(row) === null || roi(row) === undefined ? null : 100 * roi(row))), cell("Median hold", row.median_hold_ms === null || row.median_hold_ms === undefined ? "–" : ago(0, row.median_hold_ms)), cell("Tokens", count(row.distinct_mints)))));
    if (!state.stats.size) stats.replaceChildren(none(8, "Nothing is known of this wallet yet."));
    positions.replaceChildren(...state.positions.rows.sort((a, b) => (b.opened_at ?? 0) - (a.opened_at ?? 0)).slice(0, 100).map((row) => h("tr", {}, h("td", {}, tokenLink(row.mint, tokens.get(row.mint))), cell("Realised", money(row.realised_usd)), cell("Unrealised", money(row.unrealised_usd)),
      cell("ROI", percent(row.roi_usd === null ? null : 100 * row.roi_usd)), cell("Held", row.hold_ms === null ? "–" : ago(0, row.hold_ms)), cell("State", h("span", { class: `tag ${row.closed_at === null ? "good" : ""}` }, row.closed_at === null ? "open" : "closed"), "l"))));
    if (!state.positions.map.size) positions.replaceChildren(none(6, "No position yet."));
    trades.replaceChildren(...state.trades.rows.sort((a, b) => b.block_time - a.block_time || b.slot - a.slot).slice(0, 100).map((row) => h("tr", {}, h("td", {}, tokenLink(row.mint, tokens.get(row.mint))), cell("Side", sideTag(row.side), "l"), cell("Worth", usd(row.value_usd)), cell("Price", price(row.price)), cell("Time", `${ago(row.block_time, chainNow())} ago`))));
    if (!state.trades.map.size) trades.replaceChildren(none(5, "No trade yet."));
  }, 400);
  const name = throttled(async () => {
    const mints = [...state.positions.rows, ...state.trades.rows].map((row) => row.mint);
    const unknown = [...new Set(mints)].filter((mint) => !tokens.has(mint)).slice(0, 100);
    if (!unknown.length) return;
    for (const mint of unknown) tokens.set(mint, null);
    for (const token of (await get("/tokens", { mints: unknown.join(","), limit: 100, fields: "mint,name,symbol" })).data) tokens.set(token.mint, token);
    draw();
  }, 1000);
  live.subscribe(`wallet:${address}`, { max_rate: 2 }, ({ kind, tables }) => {
    state.trades.take(kind, tables.trades);
    state.positions.take(kind, tables.wallet_positions);
    for (const row of (kind === "snapshot" ? tables.wallet_stats?.rows : tables.wallet_stats?.upserts) ?? []) state.stats.set(row.period, row);
    name();
    draw();
  });
  setInterval(draw, 1000);
  const { data } = await get(`/wallets/${address}`);
  about.replaceChildren(...data.lists.filter((each) => each.valid_to === null).map((each) => h("span", { class: "tag good", title: each.reason ?? "" }, each.list)), ...data.labels.map((each) => h("span", { class: "tag bad", title: each.reason ?? "" }, each.kind)));
}

// ---------------------------------------------------------------------------------------------------- docs
async function docs(main) {
  const document_ = await (await fetch("/openapi.json")).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([method, path, operation]);
    }
  }
  const route = ([method, path, operation]) => h("details", { class: "route" }, h("summary", {}, h("code", {}, `${method.toUpperCase()} ${path}`), " ", h("span", { class: "dim" }, operation.summary)),
    operation.parameters?.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Parameter"), h("th", { class: "l" }, "In"), h("th", { class: "l" }, "Default"), h("th", { class: "l" }, "Meaning"))), h("tbody", {}, ...operation.parameters.map((each) => h("tr", {}, h("td", { class: "mono" }, each.name), h("td", { class: "l" }, each.in), h("td", { class: "l" }, String(each.schema.default ?? (each.required ? "required" : ""))), h("td", { class: "l" }, `${each.description} ${each.schema.enum ? each.schema.enum.join(" · ") : ""}`)))))) : null,
    path.includes("{") ? null : h("p", {}, h("a", { href: path }, h("code", {}, path))));
  const record = ([name, schema]) => h("details", { class: "route", id: `record-${name}` }, h("summary", {}, h("code", {}, name), " ", h("span", { class: "dim" }, schema.description ?? "")),
    h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, ...Object.entries(schema.properties ?? {}).map(([column, each]) => h("tr", {}, h("td", { class: "mono" }, column), h("td", { class: "l dim" }, [each.type].flat().filter(Boolean).join(" or ")), h("td", { class: "l" }, each.description ?? "")))))));
  const [licence, notice] = await Promise.all(["LICENSE", "NOTICE"].map(async (file) => (await fetch(new URL(`./vendor/${file}`, import.meta.url))).text()));
  const channels = [["token:MINT", "tokens token_stats pools concentration holders"], ["candles:MINT:INTERVAL[:SERIES]", "candles"], ["market · leaders:BOARD", "leaders, with their tokens"], ["trades[:MINT]", "trades; side min_usd program label min_commitment"], ["new-tokens · graduations", "lifecycle, with their tokens"], ["wallet:ADDRESS", "trades smart_matches wallet_positions wallet_stats"], ["smart", "smart_matches smart_clusters; list mint"], ["alerts", "alerts; rule_id mint min_commitment"], ["progress", "progress"]];
  main.replaceChildren(h("div", { class: "doc" }, h("h1", {}, "API"), h("p", {}, "Every answer is of one frontier, which it names as ", h("code", {}, "meta.as_of"), ". Rows are as in JSON Lines: raw amounts are texts, times milliseconds, what is unknown is null. The whole as ", h("a", { href: "/openapi.json" }, h("code", {}, "/openapi.json")), "."),
    ...[...groups].flatMap(([tag, routes]) => [h("h2", {}, tag), h("div", { class: "panel" }, ...routes.map(route))]),
    h("h2", { id: "streams" }, "Streams"), h("div", { class: "panel pad" }, h("p", {}, "WebSocket ", h("code", {}, "/ws"), ", or server-sent events ", h("code", {}, "/api/v1/stream?ch=…"), " with up to ten channels. A subscription begins with a snapshot; a change is applied if its ", h("code", {}, "prev"), " is the ", h("code", {}, "as_of"), " of the frame before, else subscribe again ", h("code", {}, "after"), " it."),
      h("pre", {}, `→ {"op":"subscribe","id":7,"ch":"trades","min_usd":100,"max_rate":20}\n← {"op":"snapshot","id":7,"ch":"trades","as_of":1790000000123456,"reason":"new","key":["event_id"],"rows":[…]}\n← {"op":"change","id":7,"ch":"trades","as_of":1790000000323456,"prev":1790000000123456,"upserts":[…],"deletes":[]}\n← {"op":"beat","mark":"EPOCH:1790000000323456","lag_ms":790}\n→ {"op":"resume","token":"EPOCH:1790000000323456","subs":[{"id":7,"ch":"trades"}]}`),
      h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, ...channels.map(([name, rows]) => h("tr", {}, h("td", { class: "mono" }, name), h("td", { class: "l" }, rows))))))),
    h("h2", { id: "records" }, "Records"), h("div", { class: "panel" }, ...Object.entries(document_.components.schemas).filter(([name]) => name !== "problem").map(record)),
    h("h2", { id: "problems" }, "Problems"), h("div", { class: "panel pad" }, h("p", {}, "As RFC 9457 has it, ", h("code", {}, "application/problem+json"), "; all that is wrong with a request is told at once."), h("pre", {}, document_.components.schemas.problem.properties.type.enum.join("\n"))),
    h("h2", { id: "licences" }, "Licences"), h("div", { class: "panel pad" }, h("p", {}, "millrace is under the Apache License 2.0. Charts are drawn by TradingView Lightweight Charts™:"), h("pre", {}, notice), h("details", {}, h("summary", {}, "Apache License 2.0"), h("pre", {}, licence)))));
  if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
}
