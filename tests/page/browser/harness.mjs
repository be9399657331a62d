// One browser for all cases. Of every page is noted what must not be: an error on the console or
// in a script, a violation of the policy, a dialog, a request or a way to another origin.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

import { DEADLINE, packages } from "./overhear.mjs";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The browser. */
export async function browse() {
  const { chromium } = packages("playwright-core");
  const executablePath = process.env.OVERHEAR_TEST_CHROMIUM ?? CHROMIUM.find(existsSync);
  // Its sandbox refuses to work for root.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}

/** A case: a context of its own, whose pages are watched. */
export class Watch {
  #browser;
  #contexts = [];
  faults = [];

  constructor(browser) {
    this.#browser = browser;
  }

  /** A context that has followed the link of `overhear page`. */
  async context(overhear, options = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    this.#contexts.push(context);
    context.setDefaultTimeout(DEADLINE);
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    context.on("page", (page) => this.#look(page, overhear));
    const page = await context.newPage();
    await page.goto(`${overhear.url}/?token=${overhear.token}`);
    await page.close();
    return context;
  }

  /** A page at `path`, of `context` or of a new one. */
  async open(overhear, path, { context, ...options } = {}) {
    const page = await (context ?? (await this.context(overhear, options))).newPage();
    await page.goto(overhear.url + path);
    return page;
  }

  #look(page, overhear) {
    const note = (what) => this.faults.push(`${new URL(page.url() || "about:blank").pathname}: ${what}`);
    page.on("console", (message) => message.type() === "error" && note(`console: ${message.text()} ${message.location().url}`));
    page.on("pageerror", (error) => note(`error: ${error.message}`));
    page.on("crash", () => note("the tab crashed"));
    page.on("dialog", (dialog) => {
      note(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("popup", (popup) => note(`a window: ${popup.url()}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      const isOwn = url.origin === overhear.url || url.protocol === "blob:" || url.protocol === "data:";
      if (!isOwn) note(`request to ${url}`);
    });
    page.on("framenavigated", (frame) => {
      if (!frame.url().startsWith(`${overhear.url}/`) && frame.url() !== "about:blank") note(`went to ${frame.url()}`);
    });
  }

  /** Pictures of what is shown, where a folder for them is named. */
  async picture(name) {
    const folder = process.env.OVERHEAR_TEST_PICTURES;
    if (!folder) return;
    const pages = this.#contexts.flatMap((context) => context.pages());
    await Promise.all(pages.map((page, at) => page.screenshot({ path: `${folder}/${name.replace(/\W+/g, "-")}-${at}.png` }).catch(() => {})));
  }

  /** Ends the case: nothing may have been noted but what fits `expected`. */
  async end(expected = []) {
    await Promise.all(this.#contexts.map((context) => context.close()));
    const faults = this.faults.filter((fault) => !expected.some((pattern) => pattern.test(fault)));
    assert.deepEqual(faults, [], "what must not be");
  }
}

/** Whether the page scrolls sideways, and what sticks out. */
export async function sticksOut(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`);
  });
}

/** Serious and critical findings of axe. */
export async function axe(page) {
  // By the debugging interface: the page's policy would refuse a script of ours.
  const source = readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""})`).join("; ")}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ""}`);
}

/** Waits until nothing is loaded any more. */
export async function settled(page) {
  await page.locator("main").waitFor();
  await page.waitForFunction(() => !/Loading|Searching|Comparing/.test(document.querySelector("main").textContent));
  await page.waitForTimeout(400);
}
