// The built binary in a folder of its own, and apps that are led through it.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How long anything is waited for: only a fault makes it wait so long. */
export const DEADLINE = 10_000;
/** A key of the right shape that opens nothing. */
export const KEY = "sk-fake-0123456789abcdef0123456789abcdef";

// Every binary and every folder ends with this process, by a listener of its own.
process.setMaxListeners(0);

const tools = process.env.OVERHEAR_TEST_TOOLS;
/** Packages of the folder that `tests/run` fills. */
export const sdks = createRequire(join(tools, "npm", "x.js"));
export const packages = createRequire(join(tools, "page", "x.js"));

/** Looks until there is something. */
export async function until(what, look, deadline = DEADLINE) {
  const end = Date.now() + deadline;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await sleep(25);
  }
}

/** A folder that goes away with the process. */
export function folder() {
  const made = mkdtempSync(join(tmpdir(), "overhear-page-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}

export class Overhear {
  /** Starts `overhear serve`, every host led to `provider`. */
  static async start(provider, words = [], at = folder()) {
    const overhear = new Overhear();
    const data = join(at, "data");
    for (const name of ["home", "run"]) mkdirSync(join(at, name), { recursive: true, mode: 0o700 });
    const env = { PATH: process.env.PATH, HOME: join(at, "home"), TMPDIR: at, XDG_RUNTIME_DIR: join(at, "run"), OVERHEAR_DATA_DIR: data };
    const args = ["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--resolve", `*:*:${provider.address}`, "--upstream-ca", provider.ca, ...words];
    const child = spawn(process.env.OVERHEAR_BIN, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    process.on("exit", () => child.kill("SIGKILL"));
    let said = "";
    child.stderr.on("data", (bytes) => { said += bytes; });
    await until("the proxy greets", () => {
      if (child.exitCode !== null) throw new Error(`the proxy did not start: ${said}`);
      return said.includes("what was said");
    });
    const [, proxy] = said.match(/HTTPS_PROXY=http:\/\/([\d.:]+)/);
    const [, web] = said.match(/as a base URL {3}http:\/\/([\d.:]+)/);
    const token = readFileSync(join(data, "page-token"), "utf8").trim();
    return Object.assign(overhear, { child, env, data, proxy, web, token, at, url: `http://${web}`, said: () => said });
  }

  async stop() {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGTERM");
    await ended;
  }

  /** An answer of the API, with the token as programs bring it. */
  async api(path, options = {}) {
    const response = await fetch(`${this.url}/api/${path}`, { ...options, headers: { authorization: `Bearer ${this.token}`, ...options.headers } });
    if (!response.ok) throw new Error(`/api/${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** The newest exchanges, once there are `count` that `q` means. */
  async exchanges(count, q = "is:any", deadline = DEADLINE) {
    return until(`${count} exchanges are recorded for ${q}`, async () => {
      const { items } = await this.api(`exchanges?limit=1000&q=${encodeURIComponent(q)}`);
      return items.length >= count && items;
    }, deadline);
  }

  /** OpenAI's own SDK, led here by the base URL. */
  openai(agent) {
    const { OpenAI } = sdks("openai");
    return new OpenAI({ apiKey: KEY, baseURL: `${this.url}/openai/v1`, maxRetries: 0, ...(agent && { defaultHeaders: { "User-Agent": agent } }) });
  }

  /** Anthropic's. */
  anthropic(agent, headers = {}) {
    const { Anthropic } = sdks("@anthropic-ai/sdk");
    return new Anthropic({ apiKey: `sk-ant-${KEY}`, baseURL: `${this.url}/anthropic`, maxRetries: 0, defaultHeaders: { ...(agent && { "User-Agent": agent }), ...headers } });
  }

  /** A request as it stands, by the base URL: for what no SDK sends. */
  send(path, body, headers = {}) {
    return new Promise((done, failed) => {
      const bytes = Buffer.from(body);
      const request = httpRequest(`${this.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json", "content-length": bytes.length, ...headers } }, (response) => {
        const pieces = [];
        response.on("data", (piece) => pieces.push(piece));
        response.on("end", () => done({ status: response.statusCode, body: Buffer.concat(pieces) }));
        response.on("error", failed);
      });
      request.on("error", failed);
      request.end(bytes);
    });
  }
}
