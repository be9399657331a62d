// Captured text is hostile: wherever an app can put it, it is shown as text, and nothing of it
// runs, loads, asks or leads away; and what is huge or broken does not stop the tab.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

import { Overhear, folder } from "../overhear.mjs";
import { Provider } from "../provider.mjs";
import { LARGE, TEXTS } from "../texts.mjs";

const mark = (at) => `mark${String(at).padStart(3, "0")}`;
const marked = TEXTS.map((text, at) => `${mark(at)}\n\n${text}`);
const MARKS = TEXTS.map((_, at) => mark(at));
/** Names have no room for lines and controls. */
const NAMES = TEXTS.filter((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text));

export async function setting() {
  const provider = await Provider.start(folder());
  const overhear = await Overhear.start(provider, ["--all"]);
  await prompts(overhear, provider);
  await names(overhear, provider);
  await broken(overhear, provider);
  await overhear.exchanges(9);
  await remarks(overhear);
  return { provider, overhear };
}

export async function end({ provider, overhear }) {
  await overhear.stop();
  provider.stop();
}

const chat = (overhear, body, headers) => overhear.send("/openai/v1/chat/completions", typeof body === "string" ? body : JSON.stringify(body), headers);

/** All texts as prompts, answers, and what tools are given and give. */
async function prompts(overhear, provider) {
  const choices = marked.map((content, index) => ({ index, message: { role: "assistant", content, reasoning_content: content }, finish_reason: TEXTS[index] }));
  const json = (body) => ({ raw: { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } });
  const completion = (more) => ({ id: TEXTS[0], object: "chat.completion", model: TEXTS[4], usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 }, ...more });
  provider.plan("all-answers", json(completion({ choices })));
  await chat(overhear, { model: "all-answers", n: choices.length, messages: [{ role: "user", content: "say it all" }] }, { "user-agent": "answers/1" });

  provider.plan("all-prompts", json(completion({ choices: choices.slice(0, 1) })));
  const messages = marked.map((content, at) => ({ role: at % 2 ? "assistant" : "user", content }));
  await chat(overhear, { model: "all-prompts", messages: [{ role: "system", content: marked.join("\n\n") }, ...messages] }, { "user-agent": "prompts/1" });

  const tools = TEXTS.map((text, at) => ({ type: "function", function: { name: text, description: marked[at], parameters: { type: "object", description: text, properties: { [text]: { description: text } } } } }));
  const calls = TEXTS.map((text, at) => ({ id: `call_${at}`, type: "function", function: { name: text, arguments: JSON.stringify({ [text]: marked[at], html: text }) } }));
  const results = marked.map((content, at) => ({ role: "tool", tool_call_id: `call_${at}`, content }));
  const talk = [{ role: "user", content: TEXTS[0] }];
  provider.plan("all-calls", json(completion({ choices: [{ index: 0, message: { role: "assistant", content: null, tool_calls: calls }, finish_reason: "tool_calls" }] })));
  await chat(overhear, { model: "all-calls", tools, messages: talk }, { "user-agent": "tools/1" });
  talk.push({ role: "assistant", content: null, tool_calls: calls }, ...results);
  provider.plan("all-results", json(completion({ choices: choices.slice(1, 2) })));
  await chat(overhear, { model: "all-results", tools, messages: talk }, { "user-agent": "tools/1" });
}

/** Names of models, apps, roles, parameters, headers, paths; errors. */
async function names(overhear, provider) {
  for (const [at, text] of NAMES.entries()) {
    const ascii = /^[\x20-\x7e]*$/.test(text);
    provider.plan(`name-${at}.`, { status: 400, error: text, message: text, headers: ascii ? { "x-text": text } : {} });
    await chat(overhear, { model: text, [text]: text, user: `name-${at}.`, messages: [{ role: text, content: [{ type: text, text }, { type: "image_url", image_url: { url: "https://evil.test/picture.png" } }, { type: "image_url", image_url: { url: "data:image/svg+xml,<svg onload=alert(1)>" } }] }] },
      ascii ? { "user-agent": text, "x-text": text, "x-session-id": text } : {});
    await overhear.send(`/openai/v1/${encodeURIComponent(text)}?q=${encodeURIComponent(text)}`, "{}");
  }
}

/** Bytes that are no text, and JSON that no text can hold. */
async function broken(overhear, provider) {
  const reply = (body, type = "application/json") => ({ raw: { headers: { "content-type": type }, body } });
  const answer = (content) => `{"id":"x","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"${content}"},"finish_reason":"stop"}]}`;
  const bytes = Buffer.from([0x22, 0xff, 0xfe, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0x80, 0xf5, 0x22]);
  provider.plan("lone-1", reply(answer("a \\ud800 alone \\udfff and \\ud83d")));
  await chat(overhear, '{"model":"lone-1","messages":[{"role":"user","content":"mark-lone \\ud800 x \\udc00"}]}', { "user-agent": "broken/1" });
  provider.plan("bytes-1", reply(Buffer.concat([Buffer.from('{"id":'), bytes, Buffer.from("}")])));
  await chat(overhear, Buffer.concat([Buffer.from('{"model":"bytes-1","messages":[{"role":"user","content":'), bytes, Buffer.from("}]}")]).toString("latin1"), { "user-agent": "broken/1" });
  provider.plan("svg-1", reply("<svg xmlns='http://www.w3.org/2000/svg' onload='globalThis.ran=1'/>", "image/svg+xml"));
  await chat(overhear, '{"model":"svg-1","messages":[]}', { "user-agent": "broken/1" });
  provider.plan("html-1", reply("<script>globalThis.ran=1</script>", "text/html"));
  await chat(overhear, '{"model":"html-1","messages":[]}', { "user-agent": "broken/1" });
  provider.plan("events-1", reply("event: <script>\ndata: {\ndata: \u0000\n\ndata: [DONE]\n\n:<img src=x onerror=globalThis.ran=1>\n\ndata: <svg onload=globalThis.ran=1>", "text/event-stream"));
  await chat(overhear, '{"model":"events-1","stream":true,"messages":[]}', { "user-agent": "broken/1" });
}

/** Tags and notes, as the command line sets them. */
async function remarks(overhear) {
  const [row] = await overhear.exchanges(1, "is:any app:answers");
  const run = (...words) => spawnSync(process.env.OVERHEAR_BIN, words, { env: overhear.env, encoding: "utf8" });
  run("tag", "<img/src=x/onerror=globalThis.ran=1>", row.id);
  run("note", `a note <img src=x onerror="globalThis.ran=1"> [press](javascript:globalThis.ran=1)`, row.id);
}

/** Opens all that is folded and scrolls through it; gives the text that was seen. */
async function readAll(page, rounds = 40) {
  await page.locator("main").waitFor();
  await page.waitForFunction(() => !/^\s*(Loading…|Searching…)\s*$/.test(document.querySelector("main").textContent));
  const seen = new Set();
  for (let round = 0; round < rounds; round += 1) {
    const [found, isEnd] = await page.evaluate(async () => {
      for (const details of document.querySelectorAll("main details:not([open])")) details.open = true;
      for (const button of document.querySelectorAll("main button")) {
        if (/^show|^all |said before|more|unfold/i.test(button.textContent.trim()) && !button.dataset.pressed) {
          button.dataset.pressed = "1";
          button.click();
        }
      }
      scrollBy(0, innerHeight * 2);
      await new Promise((done) => setTimeout(done, 60));
      const marks = document.querySelector("main").textContent.match(/mark\d{3}/g) ?? [];
      return [marks, scrollY + innerHeight >= document.documentElement.scrollHeight - 4];
    });
    for (const one of found) seen.add(one);
    if (isEnd && round > 2) break;
  }
  return seen;
}

async function assertCalm(page, overhear) {
  assert.equal(await page.evaluate(() => globalThis.ran), undefined, "a script ran");
  assert.ok(page.url().startsWith(overhear.url), page.url());
  const links = await page.evaluate(() => [...document.querySelectorAll("main a[href]")].map((link) => [link.protocol, link.target, link.rel, link.href, link.origin === location.origin]));
  for (const [protocol, target, rel, href, isOwn] of links) {
    assert.ok(["http:", "https:", "mailto:"].includes(protocol), `a link to ${href}`);
    if (!isOwn && protocol !== "mailto:") assert.ok(rel.includes("noopener") && rel.includes("noreferrer") && target === "_blank", `${href} has rel="${rel}" target="${target}"`);
  }
  const bad = await page.evaluate(() => [...document.querySelectorAll("main :is(script, iframe, object, embed, style, link, meta, base, form:not([role], .say), video, audio, animate)")].map((element) => element.outerHTML.slice(0, 100)));
  assert.deepEqual(bad, []);
}

export const cases = {};

for (const [app, tabs] of Object.entries({
  answers: ["", "/raw", "/timing", "/usage", "/anatomy", "/notes"],
  prompts: ["", "/raw", "/anatomy", "/notes"],
  tools: ["", "/raw", "/anatomy"],
  broken: ["", "/raw"],
})) {
  cases[`texts of ${app} are only read`] = async ({ overhear, open, say }) => {
    const rows = await overhear.exchanges(1, `is:any app:${app}`);
    for (const row of rows) {
      for (const tab of tabs) {
        const page = await open(`/exchanges/${row.id}${tab}`);
        const seen = await readAll(page);
        await assertCalm(page, overhear);
        if (tab === "" && app !== "broken") {
          const missing = MARKS.filter((one) => !seen.has(one));
          say(`${row.model}: ${seen.size} of ${MARKS.length} texts seen`);
          assert.deepEqual(missing, [], "texts that are not shown");
        }
        await page.close();
      }
    }
  };
}

cases["names of all kinds are only read"] = async ({ overhear, open }) => {
  for (const view of ["/exchanges?q=is%3Aany", "/exchanges?q=mark", "/threads", "/prompts", "/prompts?kind=tools", "/prompts/changes", "/stats?by=app", "/stats?by=model", "/egress"]) {
    const page = await open(view);
    await readAll(page, 8);
    await assertCalm(page, overhear);
    await page.close();
  }
  const rows = await overhear.exchanges(NAMES.length, "is:any state:failed");
  for (const row of rows.filter((_, at) => at % 15 === 0)) {
    for (const tab of ["", "/raw"]) {
      const page = await open(`/exchanges/${row.id}${tab}`);
      await readAll(page, 8);
      await assertCalm(page, overhear);
      await page.close();
    }
  }
  // A picture that is none of the four kinds that are shown.
  return [/status of 404.*\/media\/\d+$/];
};

cases["threads and differences of hostile texts are only read"] = async ({ overhear, open }) => {
  const rows = (await overhear.exchanges(2, "app:tools")).concat(await overhear.exchanges(1, "app:prompts"));
  for (const row of rows) {
    for (const path of [row.thread && `/threads/${encodeURIComponent(row.thread)}`, row.thread && `/threads/${encodeURIComponent(row.thread)}/anatomy`, `/diff/${row.id}`, `/diff/${rows[0].id}/${row.id}`, `/diff/${rows[0].id}/${row.id}?mode=side`].filter(Boolean)) {
      const page = await open(path);
      await readAll(page, 8);
      await assertCalm(page, overhear);
      await page.close();
    }
  }
  return [/status of 404/];
};

cases["a hostile query is only a query"] = async ({ overhear, open }) => {
  for (const text of TEXTS.filter((_, at) => at % 12 === 0)) {
    const page = await open(`/exchanges?q=${encodeURIComponent(text)}`);
    await readAll(page, 8);
    await assertCalm(page, overhear);
    await page.close();
  }
  const page = await open(`/exchanges/${encodeURIComponent(TEXTS[4])}?find=${encodeURIComponent(TEXTS[4])}#${encodeURIComponent(TEXTS[0])}`);
  await readAll(page, 8);
  await assertCalm(page, overhear);
  // What no query can be, and what is nowhere.
  return [/status of 40[04]/];
};

for (const [name, make] of Object.entries(LARGE)) {
  cases[`${name} does not stop the tab`] = async ({ overhear, provider, watch, say }) => {
    const text = make();
    const model = `large-${name.replace(/\W/g, "")}`;
    provider.plan(model, { blocks: [{ text }] });
    await chat(overhear, { model, messages: [{ role: "user", content: text }] }, { "user-agent": "large/1" });
    const [row] = await overhear.exchanges(1, `model:${model}`);
    const context = await watch.context(overhear);
    for (const tab of name.startsWith("5 MB of [") || name.startsWith("200,000") ? ["", "/raw"] : [""]) {
      const page = await context.newPage();
      const begun = Date.now();
      await page.goto(`${overhear.url}/exchanges/${row.id}${tab}`);
      await page.getByRole("tablist").waitFor();
      await page.waitForTimeout(500);
      const asked = Date.now();
      const count = await page.evaluate(() => document.querySelectorAll("*").length);
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      const answered = Date.now() - asked;
      say(`${tab || "/conversation"}: shown after ${asked - begun} ms, answers a key within ${answered} ms, ${count} elements`);
      assert.ok(count < 30_000, `${count} elements`);
      assert.ok(answered < 8000, `the tab answered after ${answered} ms`);
      await assertCalm(page, overhear);
      await page.close();
    }
  };
}
