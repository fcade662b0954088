/** The page of the broker: one document that needs nothing from elsewhere. */
import { createHash } from "node:crypto";
import { SCRIPT } from "./page_script.ts";
import { STYLE } from "./page_style.ts";

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The policy of the page: it runs its own script, has its own style, and asks its own server. */
export const PAGE_POLICY: string = [
  "default-src 'none'",
  `script-src ${hash(SCRIPT)}`,
  `style-src ${hash(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The document. */
export const PAGE: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Melange broker</title>
<style>${STYLE}</style>
</head>
<body>
<header>
  <h1>Melange broker</h1>
  <p id="summary" role="status">Connecting …</p>
</header>
<main>
  <section aria-labelledby="map-title">
    <h2 id="map-title">What goes where</h2>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="map-title"><svg id="map" role="img" aria-label="Topics and queues"></svg></div>
    <p id="nothing" hidden>Nothing exists yet: create a queue with your program, with
      <code>melange declare</code>, or start with <code>--init</code>.</p>
  </section>
  <div class="columns">
    <section aria-labelledby="queues-title">
      <h2 id="queues-title">Queues</h2>
      <div class="scroll"><table>
        <thead><tr><th scope="col">Queue</th><th scope="col">Available</th>
          <th scope="col">In flight</th><th scope="col">Delayed</th></tr></thead>
        <tbody id="queues"></tbody>
      </table></div>
    </section>
    <section aria-labelledby="messages-title">
      <h2 id="messages-title">Messages</h2>
      <div id="actions" hidden>
        <button type="button" id="redrive" hidden>Redrive</button>
        <label id="to-label" hidden>to <select id="to"></select></label>
        <button type="button" id="purge">Purge</button>
      </div>
      <p id="empty">Choose a queue to look into it. Looking takes nothing.</p>
      <ol id="messages"></ol>
    </section>
    <section aria-labelledby="send-title">
      <h2 id="send-title">Send</h2>
      <form id="send">
        <label>To <select id="destination" required></select></label>
        <label>Event type <input id="type" autocomplete="off" placeholder="none: send the text as it is"></label>
        <label>Data <textarea id="data" rows="4" spellcheck="false">{"id":1}</textarea></label>
        <label id="group-label" hidden>Group <input id="group" autocomplete="off" placeholder="page"></label>
        <button>Send</button>
      </form>
    </section>
  </div>
  <p id="told" role="alert"></p>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
