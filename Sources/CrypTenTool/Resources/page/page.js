/**
 * The demonstration's page: a drawing becomes shares here, goes to the parties, and comes back as an answer.
 *
 * The cell is read from `cell.json` beside the page: {"cell", "parties": [{"name", "url"}], "model", "facts": {"rounds", "online_bytes"}}, and
 * either "tokens", an object from a party's name to its token, or "token_url", an address of this server that gives one, where `NAME` stands for
 * the party's name. The page asks this server and the parties, and nobody else.
 *
 * @module
 */

import { Cell } from "./crypten.js";
import { GRID, addedUp, bitsOf, chancesOf, imageOf } from "./drawing.js";
import { SAMPLES, pixelsOf } from "./samples.js";

const FILES = ["index.html", "page.js", "drawing.js", "samples.js", "crypten.js"];

/** How wide the pen on the pad is, in the pad's coordinates. */
const PEN = 2.1;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const pad = /** @type {HTMLCanvasElement} */ (byId("pad"));
const askButton = /** @type {HTMLButtonElement} */ (byId("ask"));

/** What is drawn: strokes, or one of the samples. The pen is that of the keyboard. */
const drawing = {
  /** @type {{x: number, y: number}[][]} */
  strokes: [],
  /** @type {number | null} */
  sample: null,
  pen: { x: GRID / 2, y: GRID / 4, down: false, shown: false },
};

const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** The cell, once it is known, and how it is asked. */
let demo = /** @type {Awaited<ReturnType<typeof opened>> | null} */ (null);
let asking = false;
/** Whether the drawing has changed since it was asked about. */
let stale = false;
/** What was sent last, for painting it anew. */
let sent = /** @type {import("./crypten.js").Sent[]} */ ([]);
/** And what came back, by the parties' numbers. */
let received = /** @type {import("./crypten.js").Received[]} */ ([]);

// MARK: The cell

/** Reads `cell.json`, and what the parties say of the model. */
async function opened() {
  const response = await fetch("cell.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`This server gives no cell.json (HTTP status ${response.status}): start the page with “crypten demo --web”.`);
  const config = await response.json();
  const cell = new Cell(config, {
    token: config.tokens || config.token_url ? (party) => tokenFor(config, party.name) : undefined,
    timeout: 60_000,
    onSent: (message) => {
      // Of a question that is asked anew, what was sent last is shown.
      if (sent[0]?.id !== message.id) {
        sent = [];
        received = [];
      }
      sent.push(message);
      if (sent.length === config.parties.length) showSent(true);
    },
    onReceived: (message) => {
      if (sent[0]?.id === message.id) received[message.index] = message;
    },
  });
  const metadata = await cell.metadata(config.model);
  const [input] = metadata.inputs;
  const extents = input.shapes[0].slice(1);
  const side = Math.round(Math.sqrt(extents[0]));
  const [rows, columns] = extents.length === 1 ? [side, side] : extents.slice(-2);
  if (metadata.inputs.length !== 1 || extents.reduce((count, extent) => count * extent, 1) !== rows * columns) {
    throw new Error(`The model ${config.model} doesn’t take one image with one channel: this page can’t ask it.`);
  }
  const output = metadata.outputs.find(({ shape }) => shape.length === 2 && shape[1] === 10);
  if (!output) throw new Error(`The model ${config.model} doesn’t give a score for each of ten digits: this page can’t ask it.`);
  return { cell, config, input, output, extents, rows, columns };
}

/**
 * @param {any} config
 * @param {string} name
 */
async function tokenFor(config, name) {
  if (config.tokens) return config.tokens[name];
  const url = new URL(config.token_url.replace("NAME", encodeURIComponent(name)), location.href);
  if (url.origin !== location.origin) throw new Error("Tokens come from the server of this page alone.");
  const response = await fetch(url, { cache: "no-store" });
  if (!response.ok) throw new Error(`The server gave no token (HTTP status ${response.status}).`);
  const text = (await response.text()).trim();
  return text.startsWith("{") || text.startsWith('"') ? (JSON.parse(text).token ?? JSON.parse(text)) : text;
}

/** The drawing as the network is given it. */
function image() {
  const { rows, columns } = demo ?? { rows: 8, columns: 8 };
  if (drawing.sample === null) return imageOf(drawing.strokes, rows, columns);
  const pixels = pixelsOf(SAMPLES[drawing.sample]);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return pixels[8 * Math.floor((8 * row) / rows) + Math.floor((8 * column) / columns)];
  });
}

async function ask() {
  if (asking || !demo) return;
  const data = image();
  if (data.every((part) => part === 0)) {
    say("Draw a digit first, or take one of the samples.");
    pad.focus();
    return;
  }
  asking = true;
  stale = false;
  sent = [];
  received = [];
  reset();
  trouble(null);
  update();
  const names = listed(demo.config.parties.map((/** @type {{name: string}} */ party) => party.name));
  say(`Split into shares and sent to ${names}, who compute together …`);
  const start = performance.now();
  try {
    const { [demo.output.name]: answer } = await demo.cell.infer(
      demo.config.model,
      { [demo.input.name]: { data, shape: [1, ...demo.extents] } },
      { outputs: [demo.output.name] },
    );
    const milliseconds = performance.now() - start;
    showAnswer(Array.from(/** @type {Float64Array} */ (answer.data)), milliseconds, names);
  } catch (error) {
    trouble(error);
    say("There is no answer.");
  } finally {
    asking = false;
    update();
  }
}

// MARK: What is shown

/** @param {string} text */
function say(text) {
  byId("status").textContent = text;
}

/** @param {unknown} error */
function trouble(error) {
  const place = byId("trouble");
  place.hidden = error === null;
  place.textContent = error === null ? "" : error instanceof Error ? error.message : String(error);
}

/**
 * @param {number[]} scores
 * @param {number} milliseconds
 * @param {string} names
 */
function showAnswer(scores, milliseconds, names) {
  const chances = chancesOf(scores);
  const order = chances.map((_, digit) => digit).sort((a, b) => chances[b] - chances[a]);
  const [first, second] = order;
  const sure = chances[first] >= 0.6;
  byId("verdict").classList.remove("empty");
  byId("digit").textContent = String(first);
  byId("verdict-text").textContent = `${
    sure ? `The network takes it for a ${first}.` : `The network isn’t sure: a ${first}, or perhaps a ${second}.`
  } What ${names} sent back is noise, too; this page added it up.`;
  byId("answer-note").hidden = false;
  for (const [digit, row] of rowsOfChances().entries()) {
    row.classList.toggle("first", digit === first);
    row.querySelector("span")?.style.setProperty("width", `${100 * chances[digit]}%`);
    const [, , chance, score] = row.cells;
    chance.textContent = percent(chances[digit]);
    score.textContent = scores[digit].toFixed(2).replace("-", "−");
  }
  showReceived();
  say(`The answer is ${first}, at ${percent(chances[first]).replace(">", "more than ")}.${stale ? " The drawing has changed since." : ""}`);
  const { top, bottom } = byId("verdict").getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) byId("answer-title").scrollIntoView({ behavior: stillness.matches ? "auto" : "smooth" });
  const { facts = {} } = /** @type {NonNullable<typeof demo>} */ (demo).config;
  const bytes = sent.reduce((sum, { body }) => sum + body.length, 0);
  const shown = [
    ["rounds between parties", facts.rounds === undefined ? null : grouped(facts.rounds)],
    ["sent between parties", facts.online_bytes === undefined ? null : inBytes(facts.online_bytes)],
    ["sent by this page", inBytes(bytes)],
    ["time", milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`],
  ];
  const list = byId("facts");
  list.replaceChildren(
    ...shown.filter(([, value]) => value !== null).map(([name, value]) => element("div", {}, element("dt", {}, String(name)), element("dd", {}, String(value)))),
  );
  list.hidden = false;
}

/** Takes the last answer away. */
function reset() {
  byId("verdict").classList.add("empty");
  byId("digit").textContent = "?";
  byId("verdict-text").textContent = "The parties’ answers are shares, too. Only this page adds them up.";
  byId("answer-note").hidden = true;
  byId("facts").hidden = true;
  for (const row of rowsOfChances()) {
    row.classList.remove("first");
    row.querySelector("span")?.style.setProperty("width", "0");
    row.cells[2].textContent = "–";
    row.cells[3].textContent = "";
  }
  showSent(false);
}

function rowsOfChances() {
  const body = /** @type {HTMLTableElement} */ (byId("chances")).tBodies[0];
  if (body.rows.length === 0) {
    for (let digit = 0; digit < 10; digit += 1) {
      body.append(
        element(
          "tr", {},
          element("th", { scope: "row" }, String(digit)),
          element("td", { "aria-hidden": "true" }, element("div", { class: "track" }, element("span", {}))),
          element("td", { class: "text" }, "–"),
          element("td", { class: "score" }),
        ),
      );
    }
  }
  return Array.from(body.rows);
}

/**
 * The parties' words, and what they are together; placeholders before.
 *
 * @param {boolean} arriving Whether they are new.
 */
function showSent(arriving) {
  if (!demo) return;
  const { config, input, rows, columns } = demo;
  const n = config.parties.length;
  const place = byId("equation");
  place.className = `equation parties-${n}${n > 3 ? " many" : ""}`;
  const words = sent.length === n ? sent.map(({ shares }) => shares[input.name].words) : null;
  const state = words ? (arriving ? " arrive" : "") : " waiting";
  const count = rows * columns;
  /** @type {HTMLElement[]} */
  const parts = [];
  config.parties.forEach((/** @type {{name: string, url: string}} */ party, /** @type {number} */ index) => {
    const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { class: "picture", role: "img" }));
    const figure = element("figure", { class: `share party-${index % 4}${state}` }, canvas, element("figcaption", {}, element("strong", {}, party.name)));
    const caption = /** @type {HTMLElement} */ (figure.querySelector("figcaption"));
    const { host } = new URL(party.url);
    if (words) {
      const body = sent[index].body.length;
      caption.append(
        index < n - 1
          ? `A seed of 32 bytes, from which it makes these ${count} numbers; ${inBytes(body)} to ${host}.`
          : `These ${count} numbers, 8 bytes each; ${inBytes(body)} to ${host}.`,
      );
      canvas.setAttribute("aria-label", `What ${party.name} has: black and white noise, in which no digit is to be seen`);
    } else {
      caption.append(`Nothing yet, at ${host}.`);
      canvas.setAttribute("aria-label", `What ${party.name} has: nothing yet`);
    }
    if (index > 0) parts.push(element("span", { class: "sign", "aria-hidden": "true" }, "+"));
    parts.push(figure);
  });
  const sum = /** @type {HTMLCanvasElement} */ (element("canvas", { class: "picture", role: "img" }));
  sum.setAttribute("aria-label", words ? `All added up: the drawing, in ${rows} by ${columns} shades of grey` : "All added up: nothing yet");
  parts.push(
    element("span", { class: "sign", "aria-hidden": "true" }, "="),
    element(
      "figure", { class: `sum${state}` }, sum,
      element("figcaption", {}, element("strong", {}, "All added up"), words ? `Your drawing in ${rows} × ${columns} numbers, as the network is given it. Only this page has all shares, and only here the answers are added up.` : "Only this page can do that."),
    ),
  );
  place.replaceChildren(...parts);
  place.querySelectorAll(".share .picture").forEach((canvas, index) => {
    if (words) paintBits(/** @type {HTMLCanvasElement} */ (canvas), bitsOf(words[index], columns), styleOf(canvas, "--party"));
    else blank(/** @type {HTMLCanvasElement} */ (canvas));
  });
  if (words) paintPixels(sum, addedUp(words, input.fractionBits), rows, columns);
  else blank(sum);
  showReceived();
}

/** Below what each party was sent, what it sent back; nothing before all have. */
function showReceived() {
  if (!demo || received.filter(Boolean).length < demo.config.parties.length) return;
  const { output } = demo;
  byId("equation").querySelectorAll(".share figcaption").forEach((caption, index) => {
    const { words } = received[index].shares[output.name];
    const strip = /** @type {HTMLCanvasElement} */ (element("canvas", { class: "strip", role: "img" }));
    strip.setAttribute("aria-label", `What ${received[index].party.name} sent back: noise, too`);
    caption.querySelector(".back")?.remove();
    caption.append(element("span", { class: "back" }, "Its answer:", strip));
    paintBits(strip, bitsOf(words, words.length), styleOf(strip, "--party"));
  });
}

/** @param {HTMLCanvasElement} canvas */
function blank(canvas) {
  canvas.width = 8;
  canvas.height = 8;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{bits: Uint8Array, width: number, height: number}} picture
 * @param {string} colour
 */
function paintBits(canvas, { bits, width, height }, colour) {
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = styleOf(canvas, "--card");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour;
  bits.forEach((bit, i) => {
    if (bit) context.fillRect(i % width, Math.floor(i / width), 1, 1);
  });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} pixels
 * @param {number} rows
 * @param {number} columns
 */
function paintPixels(canvas, pixels, rows, columns) {
  canvas.width = columns;
  canvas.height = rows;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = styleOf(canvas, "--ink");
  for (let i = 0; i < rows * columns; i += 1) {
    context.globalAlpha = Math.min(Math.max(pixels[i], 0), 1);
    context.fillRect(i % columns, Math.floor(i / columns), 1, 1);
  }
}

function paintPad() {
  const scale = pad.width / GRID;
  const context = /** @type {CanvasRenderingContext2D} */ (pad.getContext("2d"));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = styleOf(pad, "--card");
  context.fillRect(0, 0, pad.width, pad.height);
  context.strokeStyle = styleOf(pad, "--grid");
  context.lineWidth = 1;
  context.beginPath();
  for (let line = 1; line < GRID; line += 1) {
    const at = Math.round(line * scale) + 0.5;
    context.moveTo(at, 0);
    context.lineTo(at, pad.height);
    context.moveTo(0, at);
    context.lineTo(pad.width, at);
  }
  context.stroke();
  context.scale(scale, scale);
  if (drawing.sample !== null) {
    context.fillStyle = styleOf(pad, "--ink");
    const [size, border] = [3, 2];
    pixelsOf(SAMPLES[drawing.sample]).forEach((value, i) => {
      context.globalAlpha = value;
      context.fillRect(border + (i % 8) * size, border + Math.floor(i / 8) * size, size, size);
    });
    context.globalAlpha = 1;
  }
  context.strokeStyle = styleOf(pad, "--ink");
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = PEN;
  for (const stroke of drawing.strokes) {
    context.beginPath();
    context.moveTo(stroke[0].x, stroke[0].y);
    for (const point of stroke) context.lineTo(point.x, point.y);
    context.stroke();
  }
  const { pen } = drawing;
  if (pen.shown) {
    context.strokeStyle = context.fillStyle = styleOf(pad, "--bar");
    context.lineWidth = 0.35;
    context.beginPath();
    context.arc(pen.x, pen.y, PEN / 2 + 0.3, 0, 2 * Math.PI);
    if (pen.down) context.fill();
    context.stroke();
  }
}

/** After the drawing, or what may be done, has changed. */
function update() {
  const empty = drawing.strokes.length === 0 && drawing.sample === null;
  byId("pad-hint").classList.toggle("gone", !empty || drawing.pen.shown);
  askButton.disabled = asking || !demo;
  byId("verdict").classList.toggle("asking", asking);
  askButton.textContent = asking ? "Asking …" : "Ask the parties";
  byId("samples").querySelectorAll("button").forEach((button, index) => button.setAttribute("aria-pressed", String(index === drawing.sample)));
  paintPad();
}

/** A new drawing: what was answered isn't about it. */
function changed() {
  stale = true;
  if (!asking && (sent.length > 0 || !byId("verdict").classList.contains("empty"))) {
    sent = [];
    received = [];
    reset();
    say("The drawing has changed.");
  }
  update();
}

// MARK: Drawing

/** @param {PointerEvent} event */
function pointOf(event) {
  const box = pad.getBoundingClientRect();
  const within = (/** @type {number} */ part) => Math.min(Math.max(part * GRID, 0), GRID);
  return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
}

function followPointers() {
  /** @type {number | null} */
  let pointer = null;
  pad.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    pointer = event.pointerId;
    pad.setPointerCapture(pointer);
    drawing.pen.shown = false;
    drawing.sample = null;
    drawing.strokes.push([pointOf(event)]);
    changed();
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    drawing.strokes.at(-1)?.push(...(events.length > 0 ? events : [event]).map(pointOf));
    changed();
  });
  for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
    pad.addEventListener(end, (event) => {
      if (event.pointerId === pointer) pointer = null;
    });
  }
}

function followKeys() {
  const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
  const tell = (/** @type {string} */ text) => {
    byId("pad-state").textContent = text;
  };
  const { pen } = drawing;
  pad.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moves[event.key];
    if (move) {
      pen.shown = true;
      pen.x = Math.min(Math.max(pen.x + move[0], 0), GRID);
      pen.y = Math.min(Math.max(pen.y + move[1], 0), GRID);
      if (pen.down) drawing.strokes.at(-1)?.push({ x: pen.x, y: pen.y });
      tell(`column ${pen.x}, row ${pen.y}`);
      if (pen.down) changed();
      else update();
    } else if (event.key === " ") {
      pen.shown = true;
      pen.down = !pen.down;
      tell(`pen ${pen.down ? "down" : "up"} at column ${pen.x}, row ${pen.y}`);
      if (pen.down) {
        drawing.sample = null;
        drawing.strokes.push([{ x: pen.x, y: pen.y }]);
      }
      changed();
    } else if (event.key === "Enter") {
      ask();
    } else if (event.key === "Delete" || event.key === "Backspace") {
      clear();
      tell("cleared");
    } else {
      return;
    }
    event.preventDefault();
  });
  pad.addEventListener("blur", () => {
    pen.shown = pen.down = false;
    update();
  });
}

function clear() {
  drawing.strokes = [];
  drawing.sample = null;
  drawing.pen.down = false;
  changed();
}

function offerSamples() {
  byId("samples").replaceChildren(
    ...SAMPLES.map((sample, index) => {
      const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { "aria-hidden": "true" }));
      const button = element("button", { type: "button", "aria-label": `sample, a ${sample.label}`, "aria-pressed": "false" }, canvas);
      button.addEventListener("click", () => {
        drawing.strokes = [];
        drawing.sample = index;
        drawing.pen.shown = drawing.pen.down = false;
        changed();
      });
      return button;
    }),
  );
  paintSamples();
}

function paintSamples() {
  byId("samples").querySelectorAll("canvas").forEach((canvas, index) => paintPixels(canvas, pixelsOf(SAMPLES[index]), 8, 8));
}

// MARK: The page's own files

async function showHashes() {
  const rows = await Promise.all(
    FILES.map(async (file) => {
      try {
        const response = await fetch(file === "index.html" ? location.pathname : file, { cache: "force-cache" });
        if (!response.ok) throw new Error(String(response.status));
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
        return [file, Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")];
      } catch {
        return [file, "couldn’t be read"];
      }
    }),
  );
  byId("hashes").replaceChildren(...rows.map(([file, digest]) => element("div", {}, element("dt", {}, file), element("dd", {}, digest))));
}

// MARK: Small things

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * @param {Element} place
 * @param {string} name
 */
function styleOf(place, name) {
  return getComputedStyle(place).getPropertyValue(name).trim();
}

/** @param {number} chance */
function percent(chance) {
  return chance > 0.9995 && chance < 1 ? ">99.9\u00a0%" : `${(100 * chance).toFixed(1)}\u00a0%`;
}

/** @param {number} value */
function grouped(value) {
  return value.toLocaleString("en");
}

/** @param {number} count */
function inBytes(count) {
  return count < 1000 ? `${count} bytes` : count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** @param {string[]} names */
function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

async function start() {
  offerSamples();
  rowsOfChances();
  followPointers();
  followKeys();
  askButton.addEventListener("click", ask);
  byId("clear").addEventListener("click", clear);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paintSamples();
    showSent(false);
    update();
  });
  update();
  showHashes();
  try {
    demo = await opened();
    const { config } = demo;
    byId("cell-line").textContent = `Cell “${config.cell}”, model “${config.model}”: ${listed(
      config.parties.map((/** @type {{name: string, url: string}} */ party) => `${party.name} at ${new URL(party.url).host}`),
    )}.`;
    showSent(false);
  } catch (error) {
    trouble(error);
    say("There is no cell to ask.");
  }
  update();
}

start();
