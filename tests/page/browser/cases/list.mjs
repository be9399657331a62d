// The list, the live view, the search, the keys, and what holds for every view.

import assert from "node:assert/strict";

import { axe, settled, sticksOut } from "../harness.mjs";
import { Overhear, folder } from "../overhear.mjs";
import { Provider } from "../provider.mjs";
import { record } from "../session.mjs";

export async function setting() {
  const provider = await Provider.start(folder());
  const overhear = await Overhear.start(provider);
  await record(overhear, provider);
  return { provider, overhear };
}

export async function end({ provider, overhear }) {
  await overhear.stop();
  provider.stop();
}

const rows = (page) => page.locator(".rows a.row");

export const cases = {
  async "the first-run page says three ways and turns when the first byte arrives"({ provider, watch }) {
    const fresh = await Overhear.start(provider);
    const page = await watch.open(fresh, "/");
    await page.waitForURL("**/start");
    for (const words of ["run -- TOOL", "HTTPS_PROXY=http://", `http://${fresh.web}/openai`]) {
      await page.getByText(words, { exact: false }).first().waitFor();
    }
    assert.match(await page.getByRole("status").textContent(), /Waiting for the first byte/);
    let open;
    const gate = new Promise((done) => { open = done; });
    provider.plan("the very first words", { blocks: [{ text: "It has begun, and goes on for a while." }], gate });
    const client = fresh.openai("firstling/1");
    const stream = await client.chat.completions.create({ model: "gpt-4o", stream: true, messages: [{ role: "user", content: "the very first words" }] });
    await page.getByText("It works").waitFor();
    open();
    for await (const chunk of stream) assert.ok(chunk);
    await page.getByRole("status").getByRole("button").or(page.getByRole("status").getByRole("link")).click();
    await rows(page).first().waitFor();
    await page.getByText("the very first words").waitFor();
    await page.close();
    await fresh.stop();
  },

  async "the list grows while an answer streams"({ provider, overhear, open }) {
    const page = await open("/exchanges");
    await rows(page).first().waitFor();
    await page.locator(".live.open").waitFor();
    const before = await rows(page).count();
    let go;
    const gate = new Promise((done) => { go = done; });
    provider.plan("count the herons", { blocks: [{ text: `There are seven herons ${"and more ".repeat(30)}in the reeds.` }], gate, pace: 3 });
    const stream = await overhear.openai("heronry/3").chat.completions.create({ model: "gpt-4o", stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content: "count the herons" }] });
    const row = page.locator("a.row", { hasText: "count the herons" });
    await row.getByText("answering").waitFor();
    await row.getByText("There are seven herons").waitFor();
    assert.equal(await page.getByText("in the reeds.").count(), 0, "the end was not said yet");
    go();
    for await (const chunk of stream) assert.ok(chunk);
    await page.locator("a.row:not(.under-way)", { hasText: "count the herons" }).waitFor();
    assert.match(await row.locator(".tokens").textContent(), /\d+ → \d+/);
    assert.match(await row.locator(".cost").textContent(), /^\$0\.\d+/);
    assert.equal(await rows(page).count(), before + 1);
  },

  async "a search finds Chinese as one types, and by Enter"({ open }) {
    const page = await open("/exchanges");
    const field = page.getByRole("searchbox").or(page.locator("input[type=search], .search input")).first();
    await field.fill("西湖");
    await page.locator(".hit mark", { hasText: "西湖" }).first().waitFor();
    assert.match(decodeURIComponent(page.url()), /q=西湖/);
    await field.fill("断桥");
    await field.press("Enter");
    await page.locator(".hit mark", { hasText: "断桥" }).first().waitFor();
    await page.locator(".hit").first().click();
    await page.waitForURL("**/exchanges/*find=*");
    await page.getByRole("tablist").waitFor();
  },

  async "filters stand in the address and show the same to others"({ open }) {
    const page = await open("/exchanges?q=app%3ATern");
    await rows(page).first().waitFor();
    const ids = (of) => of.locator("a.row").evaluateAll((all) => all.map((row) => row.dataset.id));
    const shown = await ids(page);
    assert.ok(shown.length >= 7, `${shown.length} rows of the agent`);
    const field = page.locator("input[type=search], .search input").first();
    await field.fill("model:haiku");
    await field.press("Enter");
    await page.waitForURL(/haiku/);
    await page.waitForFunction(() => document.querySelectorAll("a.row").length === 2);
    const other = await open(new URL(page.url()).pathname + new URL(page.url()).search);
    await rows(other).first().waitFor();
    assert.deepEqual(await ids(other), await ids(page));
    await page.goBack();
    await page.waitForFunction((count) => document.querySelectorAll("a.row").length === count, shown.length);
  },

  async "sorting stands in the address too"({ open }) {
    const page = await open("/exchanges");
    await rows(page).first().waitFor();
    await page.getByRole("columnheader").getByRole("button", { name: /cost/i }).click();
    await page.waitForURL(/sort%3Acost|sort:cost/);
    await page.waitForFunction(() => {
      const costs = [...document.querySelectorAll("a.row .cost")].map((cell) => Number(cell.textContent.slice(1)) || 0);
      return costs.length > 3 && costs.every((cost, at) => at === 0 || cost <= costs[at - 1]);
    });
  },

  async "the keyboard alone leads everywhere"({ open }) {
    const page = await open("/exchanges");
    await rows(page).first().waitFor();
    const chosen = () => page.locator('[aria-selected="true"]').first();
    await page.keyboard.press("/");
    await page.keyboard.type("app:tern");
    await page.keyboard.press("Enter");
    await page.waitForURL(/tern/);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => {
      const apps = [...document.querySelectorAll("a.row .app")];
      return apps.length >= 7 && apps.every((cell) => cell.textContent === "tern");
    });
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const second = await chosen().getAttribute("data-id");
    assert.equal(second, await rows(page).nth(1).getAttribute("data-id"));
    await page.keyboard.press("k");
    const first = await chosen().getAttribute("data-id");
    assert.notEqual(first, second);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/exchanges/${first}`);
    await page.getByRole("tablist").waitFor();
    await page.keyboard.press("]");
    await page.waitForURL(`**/exchanges/${first}/raw`);
    await page.keyboard.press("Escape");
    await page.waitForURL(/\/exchanges\?q=/);
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByRole("heading", { name: "Filters" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    for (const [key, view] of [["t", "threads"], ["s", "stats"], ["e", "exchanges"]]) {
      await page.keyboard.press(key);
      await page.waitForURL(`**/${view}`);
    }
  },

  async "a permanent link opens with the cookie, and not without"({ overhear, open, watch }) {
    const [row] = await overhear.exchanges(1, "app:aviary");
    const page = await open(`/exchanges/${row.id}`);
    await page.getByText("gpt-4o").first().waitFor();
    const stranger = await (await watch.context(overhear)).browser().newContext();
    const outside = await stranger.newPage();
    await outside.goto(`${overhear.url}/exchanges/${row.id}`);
    await outside.getByText(/has not been let in/).first().waitFor({ timeout: 10_000 });
    const body = await outside.textContent("body");
    assert.ok(!body.includes("西湖"), body);
    await stranger.close();
  },

  async "dark and light are chosen, and stay"({ open }) {
    const page = await open("/exchanges", { colorScheme: "light" });
    await rows(page).first().waitFor();
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--bg"));
    const light = await ground();
    await page.getByRole("button", { name: "Dark or light" }).click();
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.reload();
    await rows(page).first().waitFor();
    assert.equal(await ground(), dark);
  },

  async "an address that is none says so"({ open }) {
    const page = await open("/exchanges/ffffffff");
    await page.locator("main").getByText(/no exchange|not found|there is no/i).first().waitFor();
    return [/status of 404/];
  },
};

const VIEWS = ["/exchanges", "/exchanges?q=backoff", "/threads", "/prompts", "/stats", "/egress", "/start", "/exchanges/ID", "/exchanges/ID/raw", "/exchanges/ID/timing", "/exchanges/ID/usage", "/exchanges/ID/anatomy", "/exchanges/ID/notes", "/threads/THREAD", "/threads/THREAD/anatomy", "/diff/ID", "/prompts/changes"];

for (const view of VIEWS) {
  cases[`on a phone ${view} does not scroll sideways, and axe has nothing against it`] = async ({ overhear, watch, open, say }) => {
    const row = (await overhear.exchanges(5, "app:tern model:opus"))[0];
    const path = view.replace("THREAD", encodeURIComponent(row.thread)).replace("ID", row.id);
    const context = await watch.context(overhear, { viewport: { width: 390, height: 844 }, colorScheme: "light" });
    const page = await open(path, { context });
    await settled(page);
    say(`${await page.evaluate(() => document.querySelectorAll("*").length)} elements`);
    const found = [];
    const look = async (where) => {
      found.push(...(await sticksOut(page)).map((what) => `${where}: ${what} sticks out`));
      found.push(...(await axe(page)).map((what) => `${where}: ${what}`));
    };
    await look("phone");
    await page.emulateMedia({ colorScheme: "dark" });
    await look("phone, dark");
    await page.setViewportSize({ width: 1440, height: 900 });
    await look("wide, dark");
    await page.emulateMedia({ colorScheme: "light" });
    await look("wide");
    assert.deepEqual(found, []);
  };
}
