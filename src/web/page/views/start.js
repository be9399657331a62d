// Before anything was captured: the ways in, and a light that turns on with the first byte.

import { html, useEffect, useState } from "../lib/dom.js";
import { get, useAnswer } from "../lib/api.js";
import { follow } from "../lib/live.js";
import { go } from "../lib/route.js";
import { Copy, Loaded } from "../parts/common.js";
import { heard } from "../parts/arrival.js";
import { setLiveState } from "../parts/live-state.js";

/** How often it is looked whether something came. */
const EVERY_MS = 2000;

export function Start() {
  const answer = useAnswer("status");
  const [arrived, setArrived] = useState(null);
  useEffect(() => {
    const came = (what) => {
      heard();
      setArrived((had) => had ?? what);
    };
    const end = follow("is:any", { state: setLiveState, asked: came, exchange: came });
    const timer = setInterval(async () => {
      const status = await get("status").catch(() => null);
      if (status?.arrived) came({});
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      end();
    };
  }, []);
  return html`
    <div class="start">
      <h1>Listen to a tool</h1>
      <p>Overhear sits between a tool and the LLM API that it calls, passes every byte on unchanged, and shows here what was said.</p>
      <${Loaded} answer=${answer}>${({ ways }) => html`
        <div class="ways">
          <${Way} title="1 · One tool" says="The usual way: it sets what the tool needs, and nothing else." lines=${[ways.run]} />
          <${Way} title="2 · As a proxy" says="In the shell that starts the tool:" lines=${ways.proxy} />
          <${Way} title="3 · As a base URL" says="Needs no certificate: where the tool asks for an API's address, one of" lines=${ways.base_urls} />
        </div>`}</${Loaded}>
      <div class="waiting" role="status">
        ${arrived
          ? html`<span class="badge good">It works</span><span class="grow">${arrived.app?.name ?? arrived.app ?? "A tool"} was heard.</span><button onClick=${() => go("/exchanges")}>Show it</button>`
          : answer.data?.arrived
            ? html`<span class="badge good">It works</span><span class="grow">There are ${answer.data.exchanges} exchanges.</span><a class="button" href="/exchanges">Show them</a>`
            : html`<span class="live open"></span><span class="grow">Waiting for the first byte. Nothing comes? <code>overhear status</code> says which hosts are passed on unread, and why.</span>`}
      </div>
    </div>`;
}

function Way({ title, says, lines }) {
  const text = lines.join("\n");
  return html`
    <section class="panel"><header><h2>${title}</h2></header><div class="body"><p>${says}</p>
      <div class="copyable"><pre tabindex="0">${text}</pre><${Copy} text=${() => text} /></div></div></section>`;
}
