// Marks what was looked for, without changing the page's nodes, and brings it into sight.

/** More marks than this tell nothing more. */
const MARKS_MAX = 2000;
/** So long what is drawn late is waited for. */
const WAIT_MS = 2500;

/** Ranges in which `words` stand below a node, upper and lower case alike. */
export function ranges(root, words) {
  const found = [];
  const sought = words.toLowerCase();
  if (!sought) return found;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && found.length < MARKS_MAX; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    // Some letters have another length in lower case: then places would be off.
    if (text.length !== node.data.length || node.parentElement.closest("button")) continue;
    for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + sought.length);
      found.push(range);
    }
  }
  return found;
}

/** Marks `words` below a node as long as it changes; gives a function that ends it. */
export function highlight(root, words) {
  if (!root || !words) return undefined;
  let wasShown = false;
  let frame = 0;
  const began = performance.now();
  const mark = () => {
    frame = 0;
    const found = ranges(root, words);
    globalThis.CSS?.highlights?.set("found", new Highlight(...found));
    if (!wasShown && found.length && performance.now() - began < WAIT_MS) {
      wasShown = true;
      found[0].startContainer.parentElement.scrollIntoView({ block: "center" });
    }
  };
  const later = () => {
    frame ||= requestAnimationFrame(mark);
  };
  const observer = new MutationObserver(later);
  observer.observe(root, { childList: true, subtree: true, characterData: true });
  later();
  return () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    globalThis.CSS?.highlights?.delete("found");
  };
}
