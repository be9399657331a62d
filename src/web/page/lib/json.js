// JSON as it was sent, over many lines: not parsed and written again, which would change numbers
// and lose names that stand there twice.

/** The same JSON with indentation; null if it is no JSON. */
export function indented(text) {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const pieces = [];
  const stack = [];
  const line = () => `\n${"  ".repeat(stack.length)}`;
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
  let last = "";
  for (const [word] of text.matchAll(token)) {
    const opened = last === "{" || last === "[";
    if (word === "}" || word === "]") {
      stack.pop();
      pieces.push(opened ? word : line() + word);
    } else {
      if (opened) pieces.push(line());
      if (word === "{" || word === "[") stack.push(word);
      pieces.push(word === "," ? `,${line()}` : word === ":" ? ": " : word);
    }
    last = word;
  }
  return pieces.join("");
}

/** Lines in pieces of about so many characters, so that a browser lays out what is seen. */
export function inPieces(text, chars = 20_000) {
  const pieces = [];
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + chars);
    const end = text.indexOf("\n", to);
    // A line may be as long as the text: then it is cut, but not within a character.
    if (to < text.length && end >= 0 && end - from < chars * 2) to = end + 1;
    else if (to < text.length && /[\ud800-\udbff]/.test(text[to - 1])) to += 1;
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}
