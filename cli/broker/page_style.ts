/** The style of the page: in light and dark, and from the width of a phone on. */
export const STYLE = `
:root {
  --ink: #1c1917; --soft: #57534e; --paper: #fafaf9; --card: #fff; --line: #d6d3d1;
  --spice: #b45309; --dead: #b91c1c; --flow: #0369a1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #f5f5f4; --soft: #a8a29e; --paper: #171412; --card: #211e1b; --line: #44403c;
    --spice: #fbbf24; --dead: #f87171; --flow: #38bdf8;
  }
}
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; padding: .75rem 1rem; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.15rem; margin: 0; color: var(--spice); }
h2 { font-size: .95rem; margin: 0 0 .5rem; }
header p { margin: 0; color: var(--soft); }
main { padding: 1rem; display: grid; gap: 1rem; max-width: 1300px; margin: 0 auto; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem; min-width: 0; }
.columns { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1.4fr) minmax(0, .8fr); align-items: start; }
@media (max-width: 900px) { .columns { grid-template-columns: minmax(0, 1fr); } main { padding: .5rem; } }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .8rem; }
th + th, td { text-align: right; font-variant-numeric: tabular-nums; }
td, tbody th { padding: .2rem 0 .2rem .5rem; border-top: 1px solid var(--line); }
tbody th { padding-left: 0; }
button, select, input, textarea { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .35rem .6rem; max-width: 100%; }
button { cursor: pointer; min-height: 2.2rem; }
button:hover { border-color: var(--spice); }
:focus-visible { outline: 2px solid var(--spice); outline-offset: 2px; }
tbody button { text-align: left; width: 100%; overflow-wrap: anywhere; }
button[aria-pressed="true"] { border-color: var(--spice); box-shadow: inset 3px 0 var(--spice); }
form { display: grid; gap: .5rem; }
form label { display: grid; gap: .15rem; font-size: .85rem; color: var(--soft); }
textarea { font-family: ui-monospace, monospace; resize: vertical; }
#actions { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-bottom: .5rem; }
[hidden] { display: none !important; }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: .4rem; }
li { border-top: 1px solid var(--line); padding-top: .4rem; min-width: 0; }
li h3 { font-size: .9rem; margin: 0; display: flex; flex-wrap: wrap; gap: 0 .6rem; overflow-wrap: anywhere; }
li small { color: var(--soft); font-weight: 400; }
li .reason { color: var(--dead); margin: 0; }
pre { margin: .2rem 0 0; font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 12rem; overflow-y: auto; }
#told { margin: 0; min-height: 1.4em; color: var(--spice); }
svg { display: block; font: 13px system-ui, sans-serif; }
svg text { fill: var(--ink); }
svg .count { fill: var(--soft); }
svg rect { fill: var(--paper); stroke: var(--line); }
svg .topic { stroke: var(--flow); }
svg .dead { stroke: var(--dead); }
svg path { fill: none; stroke: var(--flow); stroke-width: 1.5; }
svg path.letters { stroke: var(--dead); stroke-dasharray: 4 4; }
`;
