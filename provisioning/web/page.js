// The steps of commissioning on a phone. Everything is asked of the laptop that served the page.

import { words } from "./words.js";

const LARGEST_PHOTO = 20 * 1024 * 1024;
const at = (id) => document.getElementById(id);
let language = "sl";
let names = { things: [] };
let measured = null; // what the receiver said last; a number that is typed comes from a map

function word(key) {
  return words[language][key];
}

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = word(one.dataset.word);
  showAccuracy();
}

function say(text, kind) {
  at("said").textContent = text;
  at("said").className = kind;
}

async function ask(path, content) {
  const options = content === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(word("no_laptop"));
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.message);
  return told;
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    say(error.message, "wrong");
  }
}

function offer(list, values) {
  at(list).replaceChildren(...values.map((value) => new Option(value, value)));
}

async function showNames() {
  names = await ask("/api/names");
  at("city").textContent = names.city;
  offer("boards", names.boards);
  offer("things", names.things);
  offer("center", names.centers);
  at("enter").hidden = true;
  at("mounting").hidden = false;
  at("still").hidden = names.open.length === 0;
  at("open").replaceChildren(...names.open.map(openBoard));
}

function openBoard(board) {
  const line = document.createElement("li");
  line.textContent = `${board} `;
  if (names.asks_collector) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.word = "ask";
    button.textContent = word("ask");
    button.addEventListener("click", () => attempt(async () => {
      const signed = await ask("/api/finish", { board });
      const isOpen = signed.record.status === "open";
      await showNames();
      say(isOpen ? word("waits") : word("in_use"), isOpen ? "wrong" : "done");
    }));
    line.append(button);
  }
  return line;
}

function isNew() {
  const thing = at("thing").value.trim();
  return thing !== "" && !names.things.includes(thing);
}

function showAccuracy() {
  at("accuracy").textContent = measured ? `${word("accuracy")}: ${Math.round(measured.accuracy)} m` : "";
}

function locate() {
  if (!navigator.geolocation) return say(word("no_place"), "wrong");
  const options = { enableHighAccuracy: true, timeout: 30000, maximumAge: 0 };
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    measured = { accuracy: Math.min(coords.accuracy, 10000) };
    at("latitude").value = coords.latitude.toFixed(7);
    at("longitude").value = coords.longitude.toFixed(7);
    showAccuracy();
  }, () => say(word("no_place"), "wrong"), options);
}

async function scan() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    throw new Error(word("no_camera"));
  }
  const video = at("camera");
  const reader = new BarcodeDetector({ formats: ["qr_code"] });
  video.srcObject = stream;
  video.hidden = false;
  try {
    await video.play();
    for (let end = Date.now() + 60000; Date.now() < end;) {
      const [found] = await reader.detect(video);
      if (found) {
        at("label").value = found.rawValue;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.hidden = true;
  }
}

async function canScan() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return false;
  return (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
}

function numberOf(id) {
  return at(id).value === "" ? null : at(id).valueAsNumber;
}

async function photoOf(file) {
  if (!file) return "";
  if (file.size > LARGEST_PHOTO) throw new Error(word("too_large"));
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(",") + 1);
}

async function sign() {
  const mounting = {
    label: at("label").value,
    thing: at("thing").value.trim(),
    longitude: numberOf("longitude"),
    latitude: numberOf("latitude"),
    accuracy: measured ? measured.accuracy : null,
    source: measured ? "gnss" : "map",
    height: numberOf("height"),
    orientation: numberOf("orientation"),
    center: isNew() ? at("center").value : "",
    moves_thing: at("moves").checked,
  };
  const signed = await ask("/api/commission", { mounting, photo: await photoOf(at("photo").files[0]) });
  at("mounting").reset();
  measured = null;
  showAccuracy();
  at("of-center").hidden = true;
  await showNames();
  say(`${word("saved")}: ${signed.record.board} – ${signed.record.thing}`, "done");
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
for (const id of ["latitude", "longitude"]) {
  at(id).addEventListener("input", () => {
    measured = null;
    showAccuracy();
  });
}
at("thing").addEventListener("input", () => { at("of-center").hidden = !isNew(); });
at("locate").addEventListener("click", locate);
at("scan").addEventListener("click", () => attempt(scan));
at("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    await ask("/api/enter", { code: at("code").value });
    await showNames();
    say("", "");
  });
});
at("mounting").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(sign);
});

const preferred = navigator.language.slice(0, 2);
speak(preferred in words ? preferred : "sl");
canScan().then((can) => {
  at("scan").hidden = !can;
  at("no-scan").hidden = can;
}).catch(() => { at("no-scan").hidden = false; });
showNames().catch(() => {}); // not entered yet: the page asks for the code
