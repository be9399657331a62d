// What each view is for, by the way that a person goes.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";

import { DEADLINE, KEY, Overhear, folder } from "../overhear.mjs";
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

/** The agent's turns, the oldest first. */
const turns = async (overhear) => (await overhear.exchanges(5, "app:tern model:opus")).slice(0, 5).reverse();

export const cases = {
  async "a thread is opened from the list, and has turns, calls beside their results, and what is below"({ overhear, open }) {
    const [first] = await turns(overhear);
    const page = await open("/threads");
    await page.locator("a.row", { hasText: "backoff_is_capped" }).first().click();
    await page.waitForURL("**/threads/*");
    assert.equal(decodeURIComponent(new URL(page.url()).pathname), `/threads/${first.thread}`);
    const main = page.locator("main");
    await main.getByText("I run the test first.").first().waitFor();
    const call = page.locator('[data-call="toolu_01"]').first();
    await call.getByText("cargo test --lib backoff").first().waitFor();
    // The result came with the next turn, and stands with its call.
    await call.getByText("attempt to multiply with overflow").first().waitFor();
    await main.getByText(/sub-agent|below/i).first().waitFor();
    await page.keyboard.press("End");
    await main.getByText("Mended: all 14 tests pass.").first().waitFor();
    assert.ok((await main.locator("table").count()) > 0, "Markdown is shown as such");
    const text = await main.textContent();
    assert.equal(text.split("The test `backoff_is_capped` fails since this morning").length - 1 <= 3, true, "what was said before is not said again with each turn");
  },

  async "a turn is compared with the one before"({ overhear, open }) {
    const all = await turns(overhear);
    const page = await open(`/exchanges/${all[1].id}`);
    await page.getByRole("tablist").waitFor();
    await page.keyboard.press("d");
    await page.waitForURL(`**/diff/${all[1].id}*`);
    await page.locator("main [data-change]").first().waitFor();
    await page.locator("main").getByText("attempt to multiply with overflow").first().waitFor();
    const signs = await page.locator("main").evaluate((main) => [...main.querySelectorAll("ins, del, .sign, [data-change]")].length);
    assert.ok(signs > 0);
    await page.keyboard.press("n");
    const other = await open(`/diff/${all[0].id}/${all[4].id}`);
    await other.locator("main [data-change]").first().waitFor();
    const alike = await open(`/diff/${all[0].id}/${all[0].id}`);
    await alike.getByText("Alike").first().waitFor();
  },

  async "an exchange is copied as curl, and a real shell sends the same again"({ provider, overhear, open, watch }) {
    const rows = await overhear.exchanges(1, "app:aviary");
    const row = rows.at(-1);
    const context = await watch.context(overhear, { permissions: ["clipboard-read", "clipboard-write"] });
    const page = await open(`/exchanges/${row.id}`, { context });
    await page.getByRole("tablist").waitFor();
    await page.locator('main [data-action="copy"]').click();
    await page.getByRole("menuitem", { name: /curl/i }).click();
    await page.getByText("Copied").first().waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(command, /curl/);
    assert.ok(!command.includes(KEY));
    const before = provider.received.length;
    const original = provider.received.find(({ body }) => body.includes("杭州") && !body.includes("断桥"));
    // As a person would do, with the provider's name led to the one of the test.
    const curl = `curl() { command curl --silent --show-error --cacert '${provider.ca}' --connect-to '::${provider.address}' "$@"; }\n`;
    // Not to its end at once: the provider is in this process.
    const ran = spawn("sh", ["-c", curl + command], { env: { PATH: process.env.PATH, OPENAI_API_KEY: "sk-of-the-shell" }, timeout: DEADLINE });
    let said = "";
    ran.stderr.on("data", (bytes) => { said += bytes; });
    const status = await new Promise((done) => ran.once("close", done));
    assert.equal(status, 0, `${said}\n${command}`);
    assert.equal(provider.received.length, before + 1, command);
    const again = provider.received.at(-1);
    assert.equal(again.url, original.url);
    assert.equal(again.body.toString(), original.body.toString());
    assert.equal(again.headers.authorization, "Bearer sk-of-the-shell");
    assert.equal(again.headers["user-agent"], original.headers["user-agent"]);
  },

  async "an exchange is pinned, tagged and noted, and found by it"({ overhear, open }) {
    const [row] = await overhear.exchanges(1, "app:minutes");
    const page = await open(`/exchanges/${row.id}/notes`);
    await page.getByRole("tablist").waitFor();
    await page.locator('main [data-action="pin"]').click();
    await page.locator('main [data-action="pin"]', { hasText: "Pinned" }).waitFor();
    const tag = page.getByRole("textbox", { name: /tag/i });
    await tag.fill("look-at-me");
    await tag.press("Enter");
    await page.getByText("look-at-me").first().waitFor();
    const note = page.getByRole("textbox", { name: /note/i });
    await note.fill("The limit is too low for minutes.");
    await note.press("Control+Enter");
    await page.getByText("The limit is too low for minutes.").first().waitFor();
    const list = await open("/exchanges?q=tag%3Alook-at-me%20is%3Apinned");
    await list.locator(`a.row[data-id="${row.id}"]`).waitFor();
    assert.equal(await list.locator("a.row").count(), 1);
    const shown = spawnSync(process.env.OVERHEAR_BIN, ["show", row.id, "--json"], { env: overhear.env, encoding: "utf8" }).stdout;
    assert.match(shown, /The limit is too low/);
  },

  async "a bar of the statistics leads to what it counts"({ open }) {
    const page = await open("/stats?by=app&span=hour&of=exchanges");
    const canvas = page.locator("canvas").first();
    await canvas.waitFor();
    await page.getByRole("table").first().getByText("tern").first().waitFor();
    await page.waitForTimeout(600);
    const box = await canvas.boundingBox();
    // The newest bar is somewhere at the right: pressed from the bottom up until one is hit.
    for (let x = 0.98; x > 0.02 && page.url().includes("/stats"); x -= 0.03) {
      for (const y of [0.8, 0.6, 0.4]) {
        if (page.url().includes("/stats")) await canvas.click({ position: { x: box.width * x, y: box.height * y }, timeout: 1000 }).catch(() => {});
      }
    }
    await page.waitForURL("**/exchanges?q=*");
    const q = new URL(page.url()).searchParams.get("q");
    assert.match(q, /since:\S+ until:\S+/);
    await page.locator("a.row").first().waitFor();
    const table = await open("/stats?by=model");
    await table.getByRole("table").first().getByRole("link", { name: /haiku/ }).click();
    await table.waitForURL("**/exchanges?q=*");
    await table.waitForFunction(() => document.querySelectorAll("a.row").length === 2);
  },

  async "egress tells a host that is not read, and why"({ open }) {
    const page = await open("/egress");
    const main = page.locator("main");
    await main.getByText("telemetry.example").first().waitFor();
    const text = await main.textContent();
    assert.match(text, /--intercept/, "what to do about it");
    assert.match(text, /api\.anthropic\.com/);
    await main.getByRole("link", { name: /\d+ request/ }).first().click();
    await page.waitForURL("**/exchanges?q=*");
    await page.locator("a.row").first().waitFor();
  },

  async "prompts are told apart by app"({ open }) {
    const page = await open("/prompts");
    await page.locator("main").getByText(/tern/i).first().waitFor();
    await page.locator("main").getByText(/You are Tern/).first().waitFor();
    const tools = await open("/prompts?kind=tools");
    await tools.locator("main").getByText(/tern/i).first().waitFor();
  },

  async "raw, timing and cost say what they know"({ overhear, open }) {
    const all = await turns(overhear);
    const at = (tab) => open(`/exchanges/${all[2].id}/${tab}`);
    const raw = await at("raw");
    await raw.getByText("anthropic-version").first().waitFor();
    await raw.getByText(/content_block_delta/).first().waitFor();
    assert.ok(!(await raw.textContent("main")).includes(KEY), "no key is shown");
    const timing = await at("timing");
    await timing.locator("main svg").first().waitFor();
    await timing.locator("main").getByText(/first token/i).first().waitFor();
    const cost = await at("usage");
    await cost.locator("main").getByText(/cache/i).first().waitFor();
    await cost.locator("main").getByText(/\$\d/).first().waitFor();
  },

  async "anatomy tells what a prompt is made of, and how it grew"({ overhear, open }) {
    const all = await turns(overhear);
    for (const path of [`/exchanges/${all[4].id}/anatomy`, `/threads/${encodeURIComponent(all[4].thread)}/anatomy`]) {
      const anatomy = await open(path);
      for (const part of [/system/i, /tools/i]) await anatomy.locator("main").getByText(part).first().waitFor();
    }
  },

  async "a thread of 1,000 turns opens at once and is scrolled without a pause"({ provider, overhear, watch, say }) {
    const thread = await long(overhear, provider, 1000);
    const context = await watch.context(overhear);
    const page = await context.newPage();
    await page.addInitScript(() => {
      globalThis.pauses = [];
      new PerformanceObserver((list) => globalThis.pauses.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: "longtask", buffered: true });
    });
    const begun = Date.now();
    await page.goto(`${overhear.url}/threads/${encodeURIComponent(thread)}`);
    await page.locator("main").getByText("question 0 of the long one").first().waitFor();
    say(`first words after ${Date.now() - begun} ms`);
    const opening = await page.evaluate(() => globalThis.pauses.splice(0));
    await page.mouse.move(700, 450);
    for (let round = 0; round < 60; round += 1) {
      await page.mouse.wheel(0, 3000);
      await page.waitForTimeout(30);
    }
    await page.waitForTimeout(300);
    const [pauses, elements] = await page.evaluate(() => [globalThis.pauses.splice(0), document.querySelectorAll("*").length]);
    say(`long tasks while opening: ${opening.join(", ") || "none"} ms; while scrolling: ${pauses.join(", ") || "none"} ms; ${elements} elements`);
    assert.ok(elements < 60_000, `${elements} elements`);
    const last = `${overhear.url}/threads/${encodeURIComponent(thread)}`;
    await page.goto(`${last}?at=${(await overhear.exchanges(1, "app:longtalk"))[0].id}`);
    await page.locator("main").getByText("question 999 of the long one").first().waitFor();
    say(`all elements at its end: ${await page.evaluate(() => document.querySelectorAll("*").length)}`);
  },
};

/** A conversation of many turns; gives its thread's name. */
async function long(overhear, provider, count) {
  const messages = [];
  for (let n = 0; n < count; n += 1) {
    messages.push({ role: "user", content: `question ${n} of the long one` });
    const answer = `answer ${n}: ${"some words of it, ".repeat(6)}`;
    provider.plan(`question ${n} of the long one`, { blocks: [{ text: answer }], usage: { input: 10, cached: 0 } });
    await overhear.send("/openai/v1/chat/completions", JSON.stringify({ model: "gpt-4o-mini", messages }), { "user-agent": "longtalk/1" });
    messages.push({ role: "assistant", content: answer });
  }
  await overhear.exchanges(count, "app:longtalk", 60_000);
  return (await overhear.exchanges(1, "app:longtalk"))[0].thread;
}
