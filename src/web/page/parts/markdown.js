// Markdown and code of captured text. It is hostile: marked makes HTML of it, DOMPurify takes out
// all but a few tags, and what comes of it is put in as nodes, never as a string.

import { html, useLayoutEffect, useRef } from "../lib/dom.js";
import { visible } from "../lib/format.js";
import hljs from "../vendor/highlight.js";
import { Marked } from "../vendor/marked.js";
import DOMPurify from "../vendor/dompurify.js";

/** Longer texts are shown as they are: making nodes of them would stop the page. */
export const MARKDOWN_CHARS_MAX = 200_000;
/** Longer code is not coloured. */
const CODE_CHARS_MAX = 50_000;
/** A text with more signs of markup than this is no text, and could take for ever to read; those
 * of emphasis are looked at in pairs. */
const SIGNS_MAX = 40_000;
const EMPHASES_MAX = 8_000;
const CELLS_MAX = 20_000;
/** Runs and nestings on which readers of Markdown take quadratic time. */
const PATHOLOGICAL = /([[*_~`!<(])\1{99}|^(?:[ \t]*>){40}|^[ \t]{400}|(?:\n[ \t]*[-*+0-9.]+){6000}/m;
const SAFE_LINK = /^(?:https?|mailto):/i;

const TAGS = {
  ALLOWED_TAGS: ["a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"],
  ALLOWED_ATTR: ["align", "class", "href", "start"],
  ALLOWED_URI_REGEXP: SAFE_LINK,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
const COLOURS = { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], ALLOW_ARIA_ATTR: false, ALLOW_DATA_ATTR: false, RETURN_DOM_FRAGMENT: true };

const escaped = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  breaks: true,
  // Tags of a prompt are part of its words: they are shown, not obeyed.
  tokenizer: { html: () => undefined, tag: () => undefined },
  renderer: {
    html: ({ text }) => escaped(text),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    // Nothing of a captured text is loaded.
    image: ({ href, text }) => `${escaped(text || "picture")} ${place(href)}`,
    link({ href, tokens }) {
      const words = this.parser.parseInline(tokens);
      return SAFE_LINK.test(href) ? `<a href="${escaped(href)}">${words}</a>` : `${words} <code>${escaped(href)}</code>`;
    },
  },
});

const place = (href) => (SAFE_LINK.test(href) ? `<a href="${escaped(href)}">${escaped(href.slice(0, 200))}</a>` : `<code>${escaped(href.slice(0, 200))}</code>`);

/** Cells that the rows of a text would have as tables: marked fills each row up to the widest. */
function cells(text) {
  let rows = 0;
  let widest = 0;
  for (const line of text.split("\n")) {
    const bars = line.split("|").length - 1;
    rows += bars > 0;
    widest = Math.max(widest, bars);
  }
  return rows * widest;
}

/** Whether a text can be read as Markdown in a moment. */
export function isReadable(text) {
  const signs = (of) => text.match(of)?.length ?? 0;
  return text.length <= MARKDOWN_CHARS_MAX && !PATHOLOGICAL.test(text) && signs(/[[`<>|]/g) <= SIGNS_MAX && signs(/[*_~]/g) <= EMPHASES_MAX && cells(text) <= CELLS_MAX;
}

/** Markdown as nodes; null if it is not to be read as such. */
export function rendered(text) {
  if (!isReadable(text)) return null;
  let fragment;
  try {
    fragment = DOMPurify.sanitize(marked.parse(visible(text)), TAGS);
  } catch {
    return null;
  }
  for (const node of fragment.querySelectorAll("[class]")) {
    if (node.tagName !== "CODE" || !/^language-[\w+#.-]+$/.test(node.className)) node.removeAttribute("class");
  }
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    // The words of a link may say something else than where it leads.
    link.title = visible(link.getAttribute("href"));
  }
  for (const code of fragment.querySelectorAll("pre > code")) {
    const coloured = colours(code.textContent, code.className.slice("language-".length));
    if (coloured) code.replaceChildren(coloured);
  }
  for (const table of fragment.querySelectorAll("table")) {
    const box = document.createElement("div");
    box.className = "scroll-x";
    table.replaceWith(box);
    box.append(table);
  }
  return fragment;
}

/** Code in colours, as nodes; null where there are none to give. */
export function colours(text, language) {
  if (!language || text.length > CODE_CHARS_MAX || !hljs.getLanguage(language)) return null;
  try {
    return DOMPurify.sanitize(hljs.highlight(text, { language, ignoreIllegals: true }).value, COLOURS);
  } catch {
    return null;
  }
}

/** Shows nodes that are made of a text. */
function Nodes({ tag: Tag, name, make, text, language }) {
  const place = useRef();
  useLayoutEffect(() => {
    place.current.replaceChildren(make(text, language) ?? document.createTextNode(visible(text)));
  }, [text, language]);
  return html`<${Tag} ref=${place} class=${name} />`;
}

/** A text as Markdown. */
export const Markdown = ({ text }) => html`<${Nodes} tag="div" name="prose" make=${rendered} text=${text} />`;

/** A text as code. */
export const Code = ({ text, language }) => html`<${Nodes} tag="pre" name="code" make=${(text, language) => colours(visible(text), language)} text=${text} language=${language} />`;
