// Things by center with their last values; what needs attention first; one series as a chart that moves.

import { Chart } from "./chart.js";
import { arrive, showSession } from "./session.js";
import { LANGUAGES, speaker } from "./words.js";

const SILENT = 15 * 60_000; // ms without a value until a series of a thing counts as silent
const BAD_STATUS = new Set(["warning", "alarm", "fault"]);
const SPANS = { minutes: 600_000, hour: 3_600_000, day: 86_400_000 };
const find = (selector) => document.querySelector(selector);
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const MANY = 6; // series of one thing until the qualified ones (tariffs, stored values) wait behind a button
const state = { things: new Map(), last: new Map(), center: "", series: null, span: "minutes", health: { well: true, reasons: {} }, live: false, open: new Set() };
const rows = new Map(); // key of a series -> { row, value, age, quality }
const chart = new Chart(find("#plot"));
let words = speaker(language());
let chartMoved = false;
let seriesGrew = false;

const keyOf = (one) => `${one.thing} ${one.quantity} ${one.period}`;

function language() {
  const wanted = new URLSearchParams(location.search).get("lang") ?? localStorage.getItem("language") ?? navigator.language.slice(0, 2);
  return wanted in LANGUAGES ? wanted : "sl";
}

// ---- what is there --------------------------------------------------------------------------------------------------

async function load() {
  const [things, health] = await Promise.all([fetch("/api/things"), fetch("/health")]);
  const { city, things: list } = await things.json();
  state.health = await health.json();
  find("#city").textContent = city[0].toUpperCase() + city.slice(1);
  state.things = new Map(list.filter((one) => one.listed || one.last.length).map((one) => [one.id, one]));
  for (const thing of list) for (const one of thing.last) take(one);
  if (!state.series || !state.last.has(keyOf(state.series))) {
    const usual = [...state.last.values()].filter((one) => !state.things.get(one.thing)?.publisher);
    choose(usual.find((one) => one.kind === "counter") ?? usual[0] ?? null);
  }
  show();
}

function take(one) {
  const key = keyOf(one);
  const before = state.last.get(key);
  if (!before) seriesGrew = true;
  if (!before || before.at <= one.at) state.last.set(key, one);
}

// ---- what it looks like ---------------------------------------------------------------------------------------------

function show() {
  document.documentElement.lang = words.language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words.say(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words.say(element.dataset.label));
  find("#languages").replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) => button(name, code === words.language, () => speak(code), { lang: code })));
  find("#spans").replaceChildren(...Object.keys(SPANS).map((span) => button(words.say(span), span === state.span, () => { state.span = span; show(); choose(state.series); })));
  showTable();
  showNow();
}

function button(text, pressed, action, more = {}) {
  const made = make("button", { type: "button", textContent: text, onclick: action, ...more });
  made.setAttribute("aria-pressed", pressed);
  return made;
}

function speak(code) {
  localStorage.setItem("language", code);
  words = speaker(code);
  show();
  showSession(find("#session"), words);
  choose(state.series);
  find(`#languages [lang=${code}]`).focus();
}

function showTable() {
  seriesGrew = false;
  rows.clear();
  const table = find("#things table");
  table.querySelectorAll("tbody").forEach((body) => body.remove());
  const things = [...state.things.values()].filter((one) => !state.center || one.center === state.center);
  const groups = Map.groupBy ? Map.groupBy(things, groupOf) : things.reduce((map, one) => map.set(groupOf(one), [...(map.get(groupOf(one)) ?? []), one]), new Map());
  for (const [group, members] of [...groups].sort(([a], [b]) => (a === "devices") - (b === "devices") || a.localeCompare(b))) {
    const title = make("th", { colSpan: 6, scope: "colgroup", textContent: group === "devices" ? words.say("devices") : words.center(group) });
    table.append(make("tbody", { className: "center" }, make("tr", {}, title)));
    for (const thing of members) table.append(bodyOf(thing));
  }
}

const groupOf = (thing) => (thing.publisher ? "devices" : thing.center);

function bodyOf(thing) {
  const all = seriesOf(thing);
  const plain = all.filter((one) => !one.quantity.includes("."));
  const foldable = all.length > MANY && plain.length > 0 && plain.length < all.length;
  const isOpen = !foldable || state.open.has(thing.id);
  const series = isOpen ? all : plain;
  const name = make("th", { scope: "rowgroup", rowSpan: series.length + foldable || 1, textContent: thing.name[words.language] }, make("small", { textContent: thing.id }));
  const body = make("tbody");
  series.forEach((one, place) => {
    const pick = make("button", { type: "button", textContent: words.quantity(one.quantity, one.period), onclick: () => choose(one) });
    const cells = { value: make("td", { className: "number" }), age: make("td", { className: "number" }), quality: make("td") };
    const row = make("tr", {}, ...(place ? [] : [name]), make("td", {}, pick), cells.value, make("td", { textContent: words.unit(one.unit) }), cells.age, cells.quality);
    rows.set(keyOf(one), { row, pick, ...cells });
    body.append(row);
  });
  if (foldable) {
    const toggle = make("button", { type: "button", textContent: isOpen ? words.say("less") : `${words.say("more")} (${all.length - series.length})` });
    toggle.onclick = () => { state.open.delete(thing.id) || state.open.add(thing.id); showTable(); showNow(); document.getElementById(`more-${thing.id}`)?.focus(); };
    toggle.id = `more-${thing.id}`;
    toggle.setAttribute("aria-expanded", isOpen);
    body.append(make("tr", {}, make("td", { colSpan: 5 }, toggle)));
  }
  if (!all.length) body.append(make("tr", {}, name, make("td", { colSpan: 5, className: "warn", textContent: words.say("waiting") })));
  return body;
}

// What a meter counts first, then the rest; plain quantities before their tariffs and stored values.
function seriesOf(thing) {
  const rank = (one) => 10 * one.quantity.split(".").length + (one.kind === "counter" ? 0 : 1);
  return [...state.last.values()].filter((one) => one.thing === thing.id).sort((a, b) => rank(a) - rank(b) || a.quantity.localeCompare(b.quantity));
}

// Ages, verdict and newest values: every second, and when something came.
function showNow(came = new Set()) {
  const now = Date.now();
  for (const [key, cells] of rows) {
    const one = state.last.get(key);
    cells.value.textContent = words.value(one);
    cells.age.textContent = words.age(now - one.at);
    cells.quality.textContent = (one.quality === "valid" ? "✓ " : "⚠ ") + words.word(one.quality);
    cells.quality.className = one.quality === "valid" ? "good" : "warn";
    cells.value.classList.toggle("bad", one.value === "offline" || BAD_STATUS.has(one.value));
    const chosen = state.series !== null && key === keyOf(state.series);
    cells.row.classList.toggle("chosen", chosen);
    cells.pick.setAttribute("aria-current", chosen);
    if (came.has(key)) {
      cells.value.classList.remove("fresh");
      void cells.value.offsetWidth; // starts the animation again
      cells.value.classList.add("fresh");
    }
  }
  showVerdict(now);
  showNewest();
}

function troubles(now) {
  const found = [];
  for (const one of state.last.values()) {
    const thing = state.things.get(one.thing);
    if (!thing) continue;
    if (one.quantity === "online" && one.value === "offline") found.push([one, words.say("offline")]);
    else if (one.quantity === "status_code" && BAD_STATUS.has(one.value)) found.push([one, words.value(one)]);
    else if (one.quantity === "error_flags" && one.value) found.push([one, words.value(one)]);
    else if (one.quality === "suspect") found.push([one, words.say("suspect")]);
    else if (!thing.publisher && now - one.at > SILENT) found.push([one, words.say("silent")]);
  }
  return found;
}

function showVerdict(now) {
  const found = troubles(now);
  const verdict = find("#verdict");
  const reasons = Object.entries(state.health.reasons);
  const text = reasons.length ? `✖ ${words.say("ill")}: ${reasons.map((pair) => pair.filter(Boolean).join(": ")).join("; ")}` : found.length ? `⚠ ${words.say("attention")}: ${found.length}` : `✓ ${words.say("well")}`;
  if (verdict.textContent !== text) verdict.textContent = text;
  verdict.className = reasons.length ? "bad" : found.length ? "warn" : "good";
  find("#live").textContent = state.live ? `● ${words.say("live")} · ${words.time(now)}` : `○ ${words.say("lost")}`;
  find("#live").className = state.live ? "" : "bad";
  find("#attention").hidden = !found.length;
  const lines = found.map(([one, why]) => `${state.things.get(one.thing).name[words.language]} · ${words.quantity(one.quantity, one.period)}: ${why} (${words.age(now - one.at)})`);
  const list = find("#attention ul");
  if (list.childElementCount !== lines.length || lines.some((line, place) => list.children[place].textContent !== line)) list.replaceChildren(...lines.map((line) => make("li", { textContent: line })));
  const troubled = Map.groupBy ? Map.groupBy(found, ([one]) => state.things.get(one.thing).center) : new Map();
  const centers = ["", ...new Set([...state.things.values()].map((one) => one.center))];
  const nav = find("#centers");
  const drawn = JSON.stringify([centers, state.center, words.language, centers.map((one) => troubled.get(one)?.length)]);
  if (nav.dataset.drawn === drawn) return;
  nav.dataset.drawn = drawn;
  const focused = document.activeElement?.dataset?.center;
  nav.replaceChildren(...centers.map((center) => {
    const made = button(center ? words.center(center) : words.say("all"), center === state.center, () => { state.center = center; show(); });
    made.dataset.center = center;
    if (troubled.get(center)) made.append(make("b", { textContent: `⚠ ${troubled.get(center).length}` }));
    return made;
  }));
  if (focused !== undefined) nav.querySelector(`[data-center="${focused}"]`)?.focus();
}

function showNewest() {
  const one = state.series && state.last.get(keyOf(state.series));
  find("#chart h2").textContent = one ? `${state.things.get(one.thing)?.name[words.language] ?? one.thing} · ${words.quantity(one.quantity, one.period)}` : words.say("choose");
  find("#newest").textContent = one ? `${words.value(one)} ${words.unit(one.unit)} · ${words.time(one.at)} · ${words.word(one.quality)}` : "";
  if (!find("#chart details").open) return;
  const unit = one ? words.unit(one.unit) : "";
  const recent = chart.points.slice(-20).reverse();
  find("#chart tbody").replaceChildren(...recent.map(([at, value, quality]) => make("tr", {}, ...[words.time(at), `${words.value({ value })} ${unit}`, words.word(quality)].map((textContent) => make("td", { textContent })))));
}

async function choose(one) {
  state.series = one;
  showNow();
  if (one) await chart.choose(one, SPANS[state.span], words);
}

// ---- what arrives ---------------------------------------------------------------------------------------------------

function listen() {
  const events = new EventSource("/api/events");
  let came = new Set();
  let waiting = false;
  events.onopen = () => { state.live = true; load(); }; // what was missed while away is loaded, too
  events.onerror = () => { state.live = false; showNow(); };
  events.addEventListener("observations", ({ data }) => {
    for (const one of JSON.parse(data)) {
      take(one);
      came.add(keyOf(one));
      chartMoved = chart.add(one) || chartMoved;
    }
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (seriesGrew) load();
      showNow(came);
      came = new Set();
      if (chartMoved) chart.refresh();
      chartMoved = false;
    });
  });
}

setInterval(() => { showNow(); if (state.series) chart.refresh(); }, 1000);
setInterval(async () => { const answer = await fetch("/health").catch(() => null); if (answer) state.health = await answer.json(); }, 5000);
find("#chart details").ontoggle = showNewest;
await arrive();
show();
showSession(find("#session"), words);
listen();
