// Runs cases one after the other in one browser: `main.mjs FILE… [-- NAME…]`. Prints a line for
// each, and ends with 1 if any failed. A file exports `cases` ({ name: async (stage) => … }) and
// may export `setting` (what all of them share) and `end`.

import { browse, Watch } from "./harness.mjs";

const words = process.argv.slice(2);
const cut = words.indexOf("--");
const [files, names] = cut < 0 ? [words, []] : [words.slice(0, cut), words.slice(cut + 1)];

const browser = await browse();
const failed = [];
for (const file of files) {
  const { cases, setting, end } = await import(`./cases/${file}.mjs`);
  const shared = await setting?.();
  for (const [name, run] of Object.entries(cases)) {
    if (names.length && !names.some((word) => name.includes(word))) continue;
    const watch = new Watch(browser);
    const begun = Date.now();
    const said = [];
    let fault = null;
    try {
      const expected = await run({ ...shared, watch, open: (path, options) => watch.open(shared.overhear, path, options), say: (line) => said.push(line) });
      await watch.end(expected);
    } catch (error) {
      fault = error;
      await watch.picture(name);
      await watch.end().catch((also) => { fault.message += also === error ? "" : `\n${also.message}`; });
    }
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    console.log(`${fault ? "FAILED" : "ok"} ${file}: ${name} (${seconds} s)`);
    for (const line of said) console.log(`   ${line}`);
    if (fault) {
      failed.push(name);
      console.log(`${fault.stack ?? fault}`.replace(/^/gm, "   "));
    }
  }
  await end?.(shared);
}
await browser.close();
console.log(failed.length ? `failed: ${failed.join(", ")}` : "all passed");
process.exit(failed.length ? 1 : 0);
