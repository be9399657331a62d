// Makes the documents' pictures: docs/page-*.png, of the invented session. The built binary is
// `OVERHEAR_BIN`; Pillow, where it is there, makes the files small.

import { spawnSync } from "node:child_process";
import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { browse, Watch, settled } from "./harness.mjs";
import { Overhear, folder } from "./overhear.mjs";
import { Provider } from "./provider.mjs";
import { record } from "./session.mjs";

const docs = join(import.meta.dirname, "../../../docs");
const DAYS = 9;

const provider = await Provider.start(folder());
const at = folder();
let overhear = await Overhear.start(provider, [], at);
// The same work on other days, so that plots have something to show; then today's, at the speed
// of a model.
for (let day = DAYS; day > 0; day -= 1) {
  for (let round = 0; round < 1 + (day * 5) % 4; round += 1) await record(overhear, provider, 0.01 + 0.02 * ((day * 7) % 5));
  await overhear.stop();
  back(overhear.data, day);
  overhear = await Overhear.start(provider, [], at);
}
await record(overhear, provider, 1);
const rows = await overhear.exchanges(5, "app:tern model:opus since:1h");
const last = rows[0];
const thread = encodeURIComponent(last.thread);

/** Moves what was recorded last to `days` ago. */
function back(data, days) {
  const capture = new DatabaseSync(join(data, "capture.db"));
  const ns = BigInt(days) * 86_400_000_000_000n - 5_400_000_000_000n;
  const since = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  capture.prepare("UPDATE exchange SET started_at = started_at - ? WHERE started_at > ?").run(ns, since);
  capture.prepare("UPDATE flow SET opened_at = opened_at - ? WHERE opened_at > ?").run(ns, since);
  capture.close();
}

const browser = await browse();
const watch = new Watch(browser);
const made = mkdtempSync(join(tmpdir(), "pictures-"));
const wide = { width: 1440, height: 860 };
const phone = { width: 390, height: 780 };
for (const [name, path, viewport, colorScheme = "light"] of [
  ["list", "/exchanges", wide],
  ["list-phone", "/exchanges", phone],
  ["search", "/exchanges?q=backoff", wide],
  ["threads", "/threads", wide],
  ["thread", `/threads/${thread}`, wide],
  ["thread-dark", `/threads/${thread}`, wide, "dark"],
  ["thread-phone", `/threads/${thread}`, phone],
  ["exchange", `/exchanges/${last.id}`, wide],
  ["raw", `/exchanges/${last.id}/raw`, wide],
  ["timing", `/exchanges/${rows[2].id}/timing`, wide],
  ["cost", `/exchanges/${last.id}/usage`, wide],
  ["anatomy", `/threads/${thread}/anatomy`, wide],
  ["diff", `/diff/${rows[0].id}`, wide],
  ["stats", "/stats?by=app&span=day", wide],
  ["stats-phone", "/stats?by=app&span=day", phone],
  ["egress", "/egress", wide],
  ["prompts", "/prompts", wide],
]) {
  const context = await watch.context(overhear, { viewport, colorScheme, deviceScaleFactor: 1 });
  const page = await watch.open(overhear, path, { context });
  await settled(page);
  await page.waitForTimeout(700);
  const from = join(made, `${name}.png`);
  const to = join(docs, `page-${name}.png`);
  await page.screenshot({ path: from });
  await context.close();
  const shrink = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').quantize(128, dither=Image.Dither.NONE).save(sys.argv[2], optimize=True)";
  const python = join(process.env.OVERHEAR_TEST_TOOLS, "bin/python");
  if (spawnSync(python, ["-c", shrink, from, to]).status !== 0) spawnSync("cp", [from, to]);
  console.log(`${to}: ${Math.round(statSync(to).size / 1000)} KB`);
}
await browser.close();
await overhear.stop();
provider.stop();
for (const fault of watch.faults) console.log(`fault: ${fault}`);
process.exit(watch.faults.length ? 1 : 0);
