// The page in a real browser, against a run of the demo: `scripts/page-check`.
// Each check is told as it passes; screenshots are left in the folder that is named.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const [binary, modules, shots] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
mkdirSync(shots, { recursive: true });

const folder = mkdtempSync(join(tmpdir(), "millrace-page-"));
const run = spawn(binary, ["run", "--listen", "127.0.0.1:0"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
const lines = createInterface({ input: run.stderr });
const said = [];
const base = await new Promise((resolve, reject) => {
  lines.on("line", (line) => {
    said.push(line);
    const found = line.match(/^the page is at (http:\/\/\S+?)\/$/);
    if (found) resolve(found[1]);
  });
  run.on("exit", () => reject(new Error(`the run ended:\n${said.join("\n")}`)));
});

let passed = 0;
const failures = [];
async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    failures.push(name);
    console.log(`FAIL ${name}\n     ${error.stack?.split("\n").slice(0, 4).join("\n     ")}`);
  }
}
const must = (is, what) => { if (!is) throw new Error(what); };
const until = async (what, is, seconds = 30) => {
  const deadline = Date.now() + 1000 * seconds;
  for (;;) {
    const found = await is();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
const ask = async (path) => (await fetch(base + path)).json();

const arguments_ = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: arguments_ });
const foreign = [];
const errors = [];
async function open(options, path) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  page.requests = [];
  page.on("request", (request) => {
    page.requests.push(request.url());
    if (!request.url().startsWith(base) && !request.url().startsWith("data:")) foreign.push(request.url());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  await page.goto(base + path);
  return page;
}
const rowsOf = (page) => page.locator("main tbody tr .tok").count();

try {
  await until("the run is ready", async () => (await fetch(`${base}/health/ready`)).ok);
  await until("tokens trade", async () => (await ask("/api/v1/tokens?sort=5m.txns&limit=30")).data?.length === 30, 60);
  const mint = (await ask("/api/v1/tokens?sort=1m.txns&limit=1")).data[0].mint;

  await check("the board shows with three requests and moves", async () => {
    const page = await open({}, "/");
    await until("the first rows, which are in the document", async () => (await rowsOf(page)) >= 20, 5);
    const first = page.requests.filter((url) => !url.includes("/api/") && !url.includes("icon"));
    must(first.length <= 3, `the first view took ${first}`);
    const text = () => page.locator("main tbody").innerText();
    const before = await text();
    await until("rows change", async () => (await text()) !== before);
    await until("the strip is live", async () => (await page.locator("#strip").getAttribute("class")).includes("live"));
    must((await page.locator("#strip-text").innerText()).includes("behind the simulated chain"), "it says how far behind");
    await page.screenshot({ path: join(shots, "board.png") });
    await page.context().close();
  });

  await check("a filter is in the address and narrows the board", async () => {
    const page = await open({}, "/?tab=new&max_age=1");
    await page.locator("input[name=max_age]").fill("100000");
    await until("the address has it", async () => page.url().includes("max_age=100000"));
    await page.getByRole("tab", { name: "Gainers" }).click();
    await until("tab", async () => page.url().includes("tab=gainers"));
    await page.context().close();
  });

  await check("a token's candles and trades move, as the rows do", async () => {
    // The busiest by now: one that was launched a minute ago may have died since.
    const mint = (await ask("/api/v1/tokens?sort=1m.txns&limit=1")).data[0].mint;
    const page = await open({}, `/t/${mint}?interval=1s`);
    await until("a chart", async () => (await page.locator("#chart canvas").count()) > 0);
    const bars = () => page.evaluate(() => [...(window.millraceBars?.values() ?? [])].map((bar) => [bar.open_time, bar.close, bar.trades]));
    const before = JSON.stringify(await until("bars", async () => { const all = await bars(); return all.length > 2 && all; }));
    await until("candles move", async () => JSON.stringify(await bars()) !== before, 60);
    must((await page.locator(".trades tbody tr").count()) > 0, "trades are listed");
    // What the browser holds is what the API says, for bars that no trade can change any more.
    const held = await bars();
    const newest = Math.max(...held.map(([open]) => open)) - 5000;
    const { data } = await ask(`/api/v1/tokens/${mint}/chart?interval=1s&countback=200`);
    const told = new Map(data.bars.map((bar) => [bar.open_time, [bar.close, bar.trades]]));
    const wrong = held.filter(([open, close, trades]) => open < newest && told.has(open) && JSON.stringify(told.get(open)) !== JSON.stringify([close, trades]));
    must(wrong.length === 0, `bars differ: ${JSON.stringify(wrong.slice(0, 3))}`);
    await page.screenshot({ path: join(shots, "token.png") });
    await page.context().close();
  });

  await check("search is reached and used by keyboard", async () => {
    const page = await open({}, "/docs");
    const { data } = await ask("/api/v1/tokens?sort=created_at&limit=50");
    const known = data.find((token) => token.symbol);
    await page.keyboard.press("/");
    await page.keyboard.type(known.symbol);
    await until("something is found", async () => (await page.locator("#found [role=option]").count()) > 0);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/t\//);
    await page.context().close();
  });

  await check("smart money and alerts have something to show, and say why", async () => {
    const page = await open({}, "/smart");
    await until("matches", async () => (await page.locator("table[aria-label=Matches] .tok").count()) > 0, 90);
    await page.screenshot({ path: join(shots, "smart.png") });
    await page.goto(`${base}/alerts`);
    await until("rules", async () => (await page.locator("table[aria-label=Rules] tbody tr").count()) > 3);
    await until("alerts", async () => (await page.locator("table[aria-label=Alerts] .tok").count()) > 0, 120);
    await page.locator("table[aria-label=Alerts] button").first().click();
    await until("the reason", async () => (await page.locator("text=/^Why /").count()) > 0);
    await page.screenshot({ path: join(shots, "alerts.png") });
    await page.context().close();
  });

  await check("names that are markup stay text", async () => {
    const page = await open({}, "/");
    const evil = await page.evaluate(async () => {
      const { named, tokenLink } = await import(document.querySelector("script[type=module]").src);
      const link = tokenLink("So11111111111111111111111111111111111111112", { symbol: "<img src=x onerror=alert(1)>", name: "a\u202eb\u0000c".repeat(2000) });
      document.body.append(link);
      return [link.querySelectorAll("img").length, named("a\u202eb\u0000c"), named("x".repeat(10000)).length];
    });
    must(JSON.stringify(evil) === JSON.stringify([0, "abc", 32]), JSON.stringify(evil));
    await page.context().close();
  });

  await check("prices from 1e-12 to a million can be read", async () => {
    const page = await open({}, "/");
    const told = await page.evaluate(async () => {
      const { price } = await import(document.querySelector("script[type=module]").src);
      return [1e-12, 1.234e-7, 0.00001, 0.00025934, 0.0186, 0.5, 1, 12.3456, 999.99, 41234.5, 1e6, 0, null].map(price);
    });
    const expected = ["0.0₁₁1", "0.0₆1234", "0.0₄1", "0.0002593", "0.0186", "0.5", "1", "12.346", "999.99", "41,234.5", "1,000,000", "0", "–"];
    must(JSON.stringify(told) === JSON.stringify(expected), JSON.stringify(told));
    await page.context().close();
  });

  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  for (const [name, path] of [["board", "/"], ["token", `/t/${mint}`], ["smart", "/smart"], ["alerts", "/alerts"], ["docs", "/docs"]]) {
    await check(`${name} fits a phone of 360 px, light and dark`, async () => {
      for (const colorScheme of ["light", "dark"]) {
        const page = await open({ ...phone, colorScheme }, path);
        await page.waitForLoadState("load");
        await until("content", async () => (await page.locator("main h1, main h2, main table").count()) > 0);
        await page.waitForTimeout(500);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        must(wide <= 0, `${wide} px too wide`);
        await page.screenshot({ path: join(shots, `${name}-phone-${colorScheme}.png`) });
        await page.context().close();
      }
    });
  }

  await check("a lost line is told, and made good by itself", async () => {
    const page = await open({}, "/");
    await until("live", async () => (await page.locator("#strip").getAttribute("class")).includes("live"));
    await page.evaluate(async () => {
      const { live } = await import(document.querySelector("script[type=module]").src);
      live.connect = () => live.lost();
      live.socket.close();
    });
    await until("it is told", async () => (await page.locator("#strip").getAttribute("class")).includes("red"));
    await page.evaluate(async () => delete (await import(document.querySelector("script[type=module]").src)).live.connect);
    await until("it is live again", async () => (await page.locator("#strip").getAttribute("class")).includes("live"), 60);
    await page.context().close();
  });

  await check("nothing is asked of anybody else", async () => must(foreign.length === 0, foreign.join(" ")));
  await check("no script fails", async () => {
    must(errors.length === 0, errors.slice(0, 5).join(" | "));
  });
} finally {
  await browser.close();
  run.removeAllListeners("exit");
  run.kill("SIGTERM");
  await new Promise((resolve) => run.on("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
