/**
 * Asks a CrypTen cell: splits numbers into shares, sends one to each party, and adds up what comes back.
 *
 * No party sees the question or the answer. The protocol is that of the page "The door: clients that are no party"
 * (`Sources/CrypTen/Documentation.docc/TheDoor.md`). One module for browsers and for Node.js 20 or later; it needs nothing else.
 *
 *     import { Cell } from "./crypten.js";
 *     const cell = new Cell({ cell: "bank", parties: [{ name: "clinic", url: "https://…" }, …] }, { token: async (party) => "…" });
 *     const { scores } = await cell.infer("digits", { image: { data: new Float32Array(64), shape: [1, 1, 8, 8] } });
 *
 * Goals, in this order: nothing is sent that tells a party more than the metadata allows; a wrong or missing reply never becomes
 * a number; errors say what happened and what to do, and never hold an input, a share, a seed or a token.
 *
 * @module
 */

/** What a client and the parties must both speak: `crypten_sharing`. */
const SHARING = 1;

/** After these a question may be asked anew by itself, with a new id and new seeds. */
const ASKED_ANEW = new Set(["epoch", "restarting", "incomplete", "busy"]);

/** How many bytes of metadata, and of a refusal, are read at most. */
const MAX_METADATA_BYTES = 1 << 20;

/** How deep lists and objects of a reply may lie in each other; the door's need five. */
const MAX_DEPTH = 32;

/** Why `infer` or `metadata` gave no answer. `message` is one sentence that says what happened, where, and what to do. */
export class CrypTenError extends Error {
  /**
   * @param {string} code One of the door's codes, or one of this module: see the README.
   * @param {string} message
   * @param {{party?: string | null, status?: number | null, retryAfter?: number | null, cause?: unknown}} [details]
   */
  constructor(code, message, details = {}) {
    const { party = null, status = null, retryAfter = null, cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CrypTenError";
    /** What to switch on. */
    this.code = code;
    /** The name of the party that it is about, or null. */
    this.party = party;
    /** The HTTP status of that party's reply, or null. */
    this.status = status;
    /** After how many seconds it is worth asking anew, where that party says so, or null. */
    this.retryAfter = retryAfter;
  }
}

/**
 * @typedef {{name: string, url: string}} Party
 * @typedef {ArrayLike<number> | ArrayLike<bigint> | ArrayLike<boolean>} Numbers
 * @typedef {{data: Numbers, shape: readonly number[]}} Input `data` in row-major order; the first axis of `shape` is the rows.
 * @typedef {{data: Float64Array | BigInt64Array | Uint8Array, shape: number[]}} Output
 * @typedef {"FP32" | "FP64" | "INT64" | "BOOL"} NumberType
 * @typedef {{name: string, type: NumberType, fractionBits: number, range: [number, number] | null, shapes: number[][], pad: number}} InputForm
 * @typedef {{name: string, type: NumberType, fractionBits: number, shape: number[]}} OutputForm
 * @typedef {{name: string, version: string, epoch: string, rows: number, rowCounts: number[] | null, inputs: InputForm[],
 *            outputs: OutputForm[]}} Metadata `version` is the one that is described, and asked.
 * @typedef {{party: Party, index: number, model: string, id: string, body: Uint8Array,
 *            shares: Record<string, {words: BigUint64Array, shape: number[]}>}} Sent
 * @typedef {{party: Party, index: number, model: string, id: string, shares: Record<string, {words: BigUint64Array, shape: number[]}>}} Received
 * @typedef {{inputs: Record<string, Input>, outputs: Record<string, Input>, tolerance: number, rows?: number}} Canaries
 * @typedef {{outputs?: string[], version?: string, canaries?: Canaries, signal?: AbortSignal}} InferOptions
 * @typedef {{token?: (party: Party) => string | Promise<string>, credentials?: RequestCredentials, timeout?: number, retries?: number,
 *            retryDelay?: number, binary?: boolean, maxReplyBytes?: number, insecureHTTP?: boolean, onSent?: (sent: Sent) => void,
 *            onReceived?: (received: Received) => void, fetch?: typeof globalThis.fetch}} CellOptions
 * @typedef {{name: string, shape: number[], words: BigUint64Array}} Words
 * @typedef {{path: string, headers?: Record<string, string>, body?: Uint8Array, limit: number}} PartyRequest
 * @typedef {{headers: Headers, bytes: Uint8Array}} HTTPReply
 */

/** The parties of a cell, in their order, and how to speak to them. */
export class Cell {
  #cell;
  /** @type {Party[]} */ #parties;
  /** @type {Required<Omit<CellOptions, "token" | "onSent" | "onReceived">> & Pick<CellOptions, "token" | "onSent" | "onReceived">} */ #options;
  /** @type {Map<string, Metadata>} What all parties have said of a model, until one says that it is over. */ #known = new Map();

  /**
   * @param {{cell: string, parties: Party[]}} members The cell's name, and its parties in the order of their numbers.
   * @param {CellOptions} [options] See the README.
   */
  constructor(members, options = {}) {
    this.#cell = nonempty(members?.cell, "the cell's name");
    this.#parties = checkedParties(members?.parties, options.insecureHTTP === true);
    if (!globalThis.crypto?.subtle) {
      throw new CrypTenError(
        "configuration",
        "There is no Web Crypto here, without which no share can be made: serve this page over HTTPS or from localhost.",
      );
    }
    this.#options = {
      // With tokens nothing else is needed; without, the browser shows its client certificate.
      credentials: options.token ? "omit" : "include",
      timeout: 60_000,
      retries: 3,
      retryDelay: 250,
      binary: true,
      maxReplyBytes: 1 << 26,
      insecureHTTP: false,
      fetch: (...request) => globalThis.fetch(...request),
      ...options,
    };
    for (const [name, least] of /** @type {const} */ ([["timeout", 1], ["retries", 0], ["retryDelay", 0], ["maxReplyBytes", 1]])) {
      if (!Number.isSafeInteger(this.#options[name]) || this.#options[name] < least) {
        throw new CrypTenError("configuration", `The option ${name} must be a whole number of at least ${least}.`);
      }
    }
  }

  /**
   * What all parties say of a model. They are asked once for each epoch.
   *
   * @param {string} model
   * @param {{version?: string, signal?: AbortSignal}} [options]
   * @returns {Promise<Metadata>}
   */
  async metadata(model, options = {}) {
    return await this.#askingAnew(model, options, () => this.#metadata(model, options));
  }

  /**
   * Asks the cell.
   *
   * Inputs are checked before anything of them is sent. What has more rows than the cell allows in a request is sent in several, one after
   * the other; a model that mixes its rows takes certain numbers of them, and no others.
   *
   * @param {string} model
   * @param {Record<string, Input>} inputs Every input of the model, by its name; all with the same number of rows.
   * @param {InferOptions} [options] `outputs` names those wanted, all if it is left out.
   * @returns {Promise<Record<string, Output>>} `Float64Array` for reals, `BigInt64Array` for whole numbers, `Uint8Array` for booleans.
   */
  async infer(model, inputs, options = {}) {
    /** @type {Question | null} */
    let question = null;
    /** @type {Record<string, Output>[]} */
    const answers = [];
    let answered = 0;
    do {
      const { outputs, taken } = await this.#askingAnew(model, options, async () => {
        const metadata = await this.#metadata(model, options);
        if (question?.metadata !== metadata) {
          if (answers.length > 0 && question?.metadata.version !== metadata.version) {
            throw new CrypTenError(
              "not_found",
              `Model ${model} was replaced while its rows were sent, and what has come belongs to another version: ask for all rows anew.`,
            );
          }
          question = new Question(metadata, inputs, options);
        }
        const part = question.part(answered);
        const replies = await this.#askAll(metadata, part, question.outputs, options.signal);
        return { outputs: question.checked(combine(metadata, replies), part), taken: part.taken };
      });
      answers.push(outputs);
      answered += taken;
    } while (answered < /** @type {Question} */ (/** @type {unknown} */ (question)).rows);
    return joined(answers);
  }

  /**
   * Tries, and tries again after what the door says may be asked anew.
   *
   * @template Result
   * @param {string} model
   * @param {{signal?: AbortSignal}} options
   * @param {() => Promise<Result>} attempt
   * @returns {Promise<Result>}
   */
  async #askingAnew(model, { signal }, attempt) {
    nonempty(model, "the model's name");
    for (let turn = 0; ; turn += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof CrypTenError)) throw error;
        if (error.status !== null || error.code === "epoch") this.#forget(model);
        if (!ASKED_ANEW.has(error.code) || turn >= this.#options.retries) throw error;
        const named = 1000 * (error.retryAfter ?? 0);
        if (named > this.#options.timeout) throw error;
        // A part of the time is drawn, so that clients that were refused together don't come back together.
        await pause(Math.max(this.#options.retryDelay, named) * 2 ** turn * (1 + Math.random() / 4), signal);
      }
    }
  }

  /** @param {string} model */
  #forget(model) {
    for (const key of this.#known.keys()) {
      if (JSON.parse(key)[0] === model) this.#known.delete(key);
    }
  }

  /**
   * @param {string} model
   * @param {{version?: string, signal?: AbortSignal}} options
   */
  async #metadata(model, { version, signal }) {
    const key = JSON.stringify([model, version ?? null]);
    const known = this.#known.get(key);
    if (known) return known;
    const path = `v2/models/${encodeURIComponent(model)}${version === undefined ? "" : `/versions/${encodeURIComponent(version)}`}`;
    const bodies = await this.#everyone(signal, async (send, party) => {
      const reply = await send({ path, limit: MAX_METADATA_BYTES });
      return parsedObject(reply.bytes, party.name, "metadata").value;
    });
    const metadata = agreed(this.#cell, this.#parties, model, version, bodies);
    this.#known.set(key, metadata);
    return metadata;
  }

  /**
   * Sends one request to each party, and reads their replies.
   *
   * @param {Metadata} metadata
   * @param {{inputs: Words[], rows: number}} part
   * @param {OutputForm[]} outputs
   * @param {AbortSignal | undefined} signal
   */
  async #askAll(metadata, part, outputs, signal) {
    const { binary, onSent, onReceived, maxReplyBytes } = this.#options;
    const id = hex(crypto.getRandomValues(new Uint8Array(16)));
    const seeds = this.#parties.slice(1).map(() => crypto.getRandomValues(new Uint8Array(32)));
    const requests = await makeRequests(metadata, id, seeds, part.inputs, outputs, binary);
    for (const seed of seeds) seed.fill(0);
    const path = `v2/models/${encodeURIComponent(metadata.name)}/versions/${encodeURIComponent(metadata.version)}/infer`;
    return await this.#everyone(signal, async (send, party, index) => {
      const { body, jsonLength, shares } = requests[index];
      onSent?.({
        party: { ...party }, index, model: metadata.name, id, body: body.slice(),
        shares: Object.fromEntries(part.inputs.map(({ name, shape }, i) => [name, { words: shares[i].slice(), shape: [...shape] }])),
      });
      /** @type {Record<string, string>} */
      const headers = { "Content-Type": jsonLength === null ? "application/json" : "application/octet-stream" };
      if (jsonLength !== null) headers["Inference-Header-Content-Length"] = String(jsonLength);
      const reply = parsedReply(await send({ path, headers, body, limit: maxReplyBytes }), party.name, metadata, id, outputs, part.rows);
      onReceived?.({
        party: { ...party }, index, model: metadata.name, id,
        shares: Object.fromEntries(reply.outputs.map(({ form, shape, words }) => [form.name, { words: words.slice(), shape: [...shape] }])),
      });
      return reply;
    });
  }

  /**
   * Runs `work` for all parties at once. The first that fails ends the others' requests, and so do the time limit and `signal`.
   *
   * @template Result
   * @param {AbortSignal | undefined} signal
   * @param {(send: (request: PartyRequest) => Promise<HTTPReply>, party: Party, index: number) => Promise<Result>} work
   * @returns {Promise<Result[]>} In the parties' order.
   */
  async #everyone(signal, work) {
    const { timeout } = this.#options;
    const tokens = await this.#tokens();
    const group = new AbortController();
    let late = false;
    const stop = () => group.abort();
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, timeout);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    try {
      return await Promise.all(
        this.#parties.map((party, index) => {
          /** @param {PartyRequest} request */
          const send = async (request) => {
            try {
              return await this.#send(party, tokens[index], request, group.signal);
            } catch (error) {
              if (error instanceof CrypTenError) throw error;
              if (late) {
                const remedy = "see whether it runs, or set a longer timeout";
                throw new CrypTenError("timeout", `Party ${party.name} didn't answer within ${timeout / 1000} s: ${remedy}.`, { party: party.name });
              }
              if (group.signal.aborted) throw new CrypTenError("aborted", "The question was taken back before all parties had answered.");
              throw new CrypTenError(
                "unreachable",
                `Party ${party.name} can't be reached at ${party.url}: look at the network, its certificate, and whether it lets this origin ask.`,
                { party: party.name, cause: error },
              );
            }
          };
          return work(send, party, index);
        }),
      );
    } catch (error) {
      stop();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * @param {Party} party
   * @param {string | null} token
   * @param {PartyRequest} request
   * @param {AbortSignal} signal
   * @returns {Promise<HTTPReply>}
   */
  async #send(party, token, { path, headers = {}, body, limit }, signal) {
    const response = await this.#options.fetch(`${party.url}/${path}`, {
      method: body ? "POST" : "GET",
      headers: token === null ? headers : { ...headers, Authorization: `Bearer ${token}` },
      body: /** @type {any} */ (body),
      credentials: this.#options.credentials,
      // A share goes to the address that was named, and to no other.
      redirect: "error",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal,
    });
    const bytes = await bounded(response, response.ok ? limit : MAX_METADATA_BYTES, party.name);
    if (!response.ok) throw refusal(party.name, response, bytes);
    return { headers: response.headers, bytes };
  }

  /** A token for each party, and for each another: one that two parties accept could be used by either at the other. */
  async #tokens() {
    const { token } = this.#options;
    if (!token) return this.#parties.map(() => null);
    const tokens = await Promise.all(
      this.#parties.map(async (party) => {
        let text;
        try {
          text = await token({ ...party });
        } catch (cause) {
          throw new CrypTenError("token", `There is no token for party ${party.name}: the function that was to give one failed.`, {
            party: party.name,
            cause,
          });
        }
        if (typeof text !== "string" || !/^[A-Za-z0-9._~+/-]+=*$/.test(text)) {
          throw new CrypTenError("token", `What was given as the token for party ${party.name} is none: a JSON Web Token is expected.`, {
            party: party.name,
          });
        }
        return text;
      }),
    );
    tokens.forEach((text, index) => {
      const other = tokens.indexOf(text);
      if (other < index) {
        throw new CrypTenError(
          "token",
          `Parties ${this.#parties[other].name} and ${this.#parties[index].name} would get the same token: each needs one of its own.`,
          { party: this.#parties[index].name },
        );
      }
    });
    return tokens;
  }
}

/**
 * A token for one party: a JSON Web Token, signed with the client's key.
 *
 * @param {CryptoKey} key A private key for ECDSA on P-256, or for Ed25519 where Web Crypto has it.
 * @param {{client: string, cell: string, party: string, models?: string[], seconds?: number}} claims `party` is the party's name; `models`
 *   are those for which the token is good, all if left out; `seconds` is how long, at most 600.
 * @returns {Promise<string>}
 */
export async function signToken(key, { client, cell, party, models, seconds = 300 }) {
  if (!(seconds > 0 && seconds <= 600)) {
    throw new CrypTenError("configuration", `A token is good for at most 600 s, and was to be for ${seconds}.`);
  }
  const curve = key.algorithm.name === "ECDSA";
  const header = { alg: curve ? "ES256" : "EdDSA", typ: "JWT" };
  const claims = {
    sub: nonempty(client, "the client's name"),
    aud: `${nonempty(cell, "the cell's name")}/${nonempty(party, "the party's name")}`,
    exp: Math.floor(Date.now() / 1000) + Math.floor(seconds),
    ...(models && { scope: models.map((model) => `infer:${model}`).join(" ") }),
  };
  const signed = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join(".");
  const algorithm = curve ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
  return `${signed}.${base64url(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(signed))))}`;
}

// MARK: Questions

/** Inputs that were checked and encoded for the metadata of one epoch. */
class Question {
  /**
   * @param {Metadata} metadata
   * @param {Record<string, Input>} inputs
   * @param {InferOptions} options
   */
  constructor(metadata, inputs, { outputs, canaries }) {
    this.metadata = metadata;
    this.outputs = chosenOutputs(metadata, outputs);
    const known = canaries && checkedCanaries(metadata, canaries, this.outputs);
    const shapes = buckets(
      metadata.inputs,
      metadata.inputs.map(({ name }) => [inputs?.[name], ...(canaries ? [canaries.inputs[name]] : [])]),
    );
    this.inputs = encodedInputs(metadata, inputs, shapes, "");
    this.rows = this.inputs[0].shape[0];
    this.canaries = canaries && known && { ...known, inputs: encodedInputs(metadata, canaries.inputs, shapes, "canary ") };
    const each = this.canaries?.each ?? 0;
    if (metadata.rowCounts && !metadata.rowCounts.includes(this.rows + each)) {
      throw new CrypTenError(
        "input",
        `The ${this.rows + each} rows${each ? ", canaries included," : ""} can't be asked of model ${metadata.name}, which mixes its rows and takes ${
          metadata.rowCounts.join(" or ")
        } at once: ask for as many, for they can't be cut into parts.`,
      );
    }
    this.limit = metadata.rows - each;
    if (this.limit < 1) {
      throw new CrypTenError("canary", `A request takes ${metadata.rows} rows, and the canaries leave none for the question: use fewer.`);
    }
  }

  /**
   * The rows from `start` on, as many as a request takes, with the canaries among them in an order that is drawn.
   *
   * @param {number} start
   */
  part(start) {
    const taken = Math.min(this.limit, this.rows - start);
    const { canaries } = this;
    if (!canaries) {
      return { start, taken, rows: taken, order: null, inputs: this.inputs.map((input) => rowsOf(input, start, start + taken)) };
    }
    /** @type {{canary: boolean, row: number}[]} */
    const order = [
      ...Array.from({ length: taken }, (_, row) => ({ canary: false, row: start + row })),
      ...drawn(canaries.count, canaries.each).map((row) => ({ canary: true, row })),
    ];
    shuffle(order);
    const mixed = this.inputs.map((input, i) => {
      const width = widthOf(input.shape);
      const words = new BigUint64Array(order.length * width);
      order.forEach(({ canary, row }, position) => {
        const source = canary ? canaries.inputs[i].words : input.words;
        words.set(source.subarray(row * width, (row + 1) * width), position * width);
      });
      return { name: input.name, shape: [order.length, ...input.shape.slice(1)], words };
    });
    return { start, taken, rows: order.length, order, inputs: mixed };
  }

  /**
   * The outputs of the question's own rows, after the canaries' have been held against what is known of them.
   *
   * @param {Record<string, Output>} outputs
   * @param {ReturnType<Question["part"]>} part
   * @returns {Record<string, Output>}
   */
  checked(outputs, { start, taken, order }) {
    const { canaries } = this;
    if (!canaries || !order) return outputs;
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data, shape }]) => {
        const width = widthOf(shape);
        const own = new /** @type {any} */ (data.constructor)(taken * width);
        const known = canaries.outputs[name];
        order.forEach(({ canary, row }, position) => {
          const found = data.subarray(position * width, (position + 1) * width);
          if (!canary) {
            own.set(found, (row - start) * width);
          } else if (known) {
            if (widthOf(known.shape) !== width) {
              throw new CrypTenError("canary", `Output ${name} has ${width} numbers a row, where the canaries expect ${widthOf(known.shape)}.`);
            }
            for (let i = 0; i < width; i += 1) {
              // The negation also catches what is no number.
              if (!(Math.abs(Number(found[i]) - Number(known.data[row * width + i])) <= canaries.tolerance)) {
                throw new CrypTenError(
                  "canary",
                  `Output ${name} of a row with a known answer is wrong: some party computes wrongly, or the canaries belong to another model.`,
                );
              }
            }
          }
        });
        return [name, { data: own, shape: [taken, ...shape.slice(1)] }];
      }),
    );
  }
}

/**
 * @param {Metadata} metadata
 * @param {string[] | undefined} names
 */
function chosenOutputs(metadata, names) {
  if (names === undefined) return metadata.outputs;
  return names.map((name, index) => {
    const form = metadata.outputs.find((output) => output.name === name);
    if (!form) {
      throw new CrypTenError("output", `Model ${metadata.name} has no output ${name} for this client: it has ${listed(metadata.outputs)}.`);
    }
    if (names.indexOf(name) < index) throw new CrypTenError("output", `Output ${name} is asked for twice.`);
    return form;
  });
}

/**
 * @param {Metadata} metadata
 * @param {Canaries} canaries
 * @param {OutputForm[]} asked
 */
function checkedCanaries(metadata, { inputs, outputs, tolerance, rows = 1 }, asked) {
  const fail = (/** @type {string} */ message) => new CrypTenError("canary", message);
  if (!(Number.isFinite(tolerance) && tolerance >= 0)) throw fail("The canaries need a tolerance, a number of at least 0.");
  if (!inputs || !outputs || Object.keys(outputs).length === 0) throw fail("The canaries need inputs and the outputs that are known of them.");
  const count = inputs[metadata.inputs[0].name]?.shape?.[0] ?? 0;
  if (!Number.isSafeInteger(rows) || rows < 1 || rows > count) {
    throw fail(`Of ${count} canaries, ${rows} were to be in each request: it must be one at least, and not more than there are.`);
  }
  for (const [name, { data, shape }] of Object.entries(outputs)) {
    if (!asked.some((form) => form.name === name)) throw fail(`The canaries know an output ${name}, which isn't asked for.`);
    if (shape?.[0] !== count || data?.length !== product(shape)) {
      throw fail(`The canaries' output ${name} must have ${count} rows, as their inputs, and as many numbers as its shape says.`);
    }
  }
  return { count, each: rows, tolerance, outputs };
}

/**
 * All rows of all inputs as words, each padded to its shape of `shapes`.
 *
 * @param {Metadata} metadata
 * @param {Record<string, Input>} inputs
 * @param {number[][]} shapes
 * @param {string} kind What they are called in errors, before "input".
 * @returns {Words[]}
 */
function encodedInputs(metadata, inputs, shapes, kind) {
  for (const name of Object.keys(inputs)) {
    if (!metadata.inputs.some((form) => form.name === name)) {
      throw new CrypTenError("input", `Model ${metadata.name} has no ${kind}input ${name}: it has ${listed(metadata.inputs)}.`);
    }
  }
  const words = metadata.inputs.map((form, i) => ({ name: form.name, ...padded(form, inputs[form.name], shapes[i], kind) }));
  const rows = words[0].shape[0];
  const other = words.find((input) => input.shape[0] !== rows);
  if (other) {
    throw new CrypTenError(
      "input",
      `All ${kind}inputs must have the same number of rows: ${words[0].name} has ${rows}, ${other.name} has ${other.shape[0]}.`,
    );
  }
  return words;
}

/**
 * The shapes to which a model's inputs are filled up: those at the first place of its lists that holds every input, without the rows. What
 * stands at one place of several inputs' lists belongs together, as the shapes of a text and of what says where it ends.
 *
 * @param {InputForm[]} forms As many shapes each.
 * @param {(Input | undefined)[][]} inputs For each form those that are to have one shape: the question's, and the canaries'.
 */
export function buckets(forms, inputs) {
  const places = forms.map((form, i) => fitting(form, inputs[i]));
  const place = places[0].find((candidate) => places.every((list) => list.includes(candidate)));
  if (place === undefined) {
    throw new CrypTenError(
      "input",
      `Inputs ${listed(forms)} are held by none of the model's shapes together, which belong to each other in their order: fill them up to one of these.`,
    );
  }
  return forms.map((form) => form.shapes[place].slice(1));
}

/**
 * Which of an input's shapes hold all of `inputs`; one at least.
 *
 * @param {InputForm} form
 * @param {(Input | undefined)[]} inputs
 */
function fitting(form, inputs) {
  for (const input of inputs) {
    const { data, shape } = input ?? {};
    if (!data || !Array.isArray(shape) || !Number.isSafeInteger(data.length)) {
      throw new CrypTenError("input", `Input ${form.name} is missing: it needs data and shape.`);
    }
    if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) || !(shape[0] >= 1)) {
      throw new CrypTenError("input", `Input ${form.name} has the shape ${shown(shape)}: whole numbers are expected, and at least one row.`);
    }
    if (data.length !== product(shape)) {
      throw new CrypTenError("input", `Input ${form.name} has ${data.length} numbers, where its shape ${shown(shape)} needs ${product(shape)}.`);
    }
  }
  // One shape must be met; several are there to be filled up.
  const exact = form.shapes.length === 1;
  /** @param {readonly number[]} shape @param {readonly number[]} allowed */
  const holds = (shape, allowed) =>
    shape.length === allowed.length &&
    shape.every((extent, axis) => axis === 0 || (exact ? extent === allowed[axis] : extent <= allowed[axis]));
  const shapes = inputs.map((input) => /** @type {Input} */ (input).shape);
  const places = [...form.shapes.keys()].filter((place) => shapes.every((shape) => holds(shape, form.shapes[place])));
  if (places.length === 0) {
    const allowed = form.shapes.map((shape) => shown(["rows", ...shape.slice(1)])).join(", ");
    throw new CrypTenError("input", `Input ${form.name} has the shape ${shown(shapes[0])}, and may have ${allowed}.`);
  }
  return places;
}

/**
 * An input as words, filled up at the end of its axes.
 *
 * @param {InputForm} form
 * @param {Input} input One that `buckets` has seen.
 * @param {number[]} extents The shape to be sent, without its rows.
 * @param {string} [kind]
 */
export function padded(form, input, extents, kind = "") {
  const { data, shape } = input;
  const encoded = encoder(form, kind);
  const full = [shape[0], ...extents];
  if (extents.every((extent, axis) => extent === shape[axis + 1])) {
    const words = new BigUint64Array(data.length);
    for (let i = 0; i < words.length; i += 1) words[i] = encoded(data[i], i);
    return { shape: full, words };
  }
  const words = new BigUint64Array(product(full)).fill(padWord(form));
  // Where the number at a position of `shape`, counted in row-major order, stands in `full`.
  const position = shape.map(() => 0);
  for (let i = 0; i < data.length; i += 1) {
    let target = 0;
    for (let axis = 0; axis < full.length; axis += 1) target = target * full[axis] + position[axis];
    words[target] = encoded(data[i], i);
    for (let axis = full.length - 1; axis >= 0; axis -= 1) {
      position[axis] += 1;
      if (position[axis] < shape[axis]) break;
      position[axis] = 0;
    }
  }
  return { shape: full, words };
}

/**
 * The word of what an input is filled up with, which is in the input's units.
 *
 * @param {InputForm} form
 */
function padWord(form) {
  const whole = form.type === "INT64" || form.type === "BOOL";
  return encoder(form, "pad of the ")(whole ? form.pad : Number(form.pad), -1);
}

/**
 * @param {Words} input
 *
 * @param {number} start
 * @param {number} end
 */
function rowsOf({ name, shape, words }, start, end) {
  const width = widthOf(shape);
  return { name, shape: [end - start, ...shape.slice(1)], words: words.subarray(start * width, end * width) };
}

/** @param {Record<string, Output>[]} parts */
function joined(parts) {
  if (parts.length === 1) return parts[0];
  return Object.fromEntries(
    Object.keys(parts[0]).map((name) => {
      const pieces = parts.map((part) => part[name]);
      const rest = shown(pieces[0].shape.slice(1));
      if (pieces.some(({ shape }) => shown(shape.slice(1)) !== rest)) {
        throw new CrypTenError("malformed_reply", `Output ${name} has another shape in each request: ask for it with fewer rows.`);
      }
      const rows = pieces.reduce((sum, { shape }) => sum + shape[0], 0);
      const data = new /** @type {any} */ (pieces[0].data.constructor)(pieces.reduce((sum, piece) => sum + piece.data.length, 0));
      let offset = 0;
      for (const piece of pieces) {
        data.set(piece.data, offset);
        offset += piece.data.length;
      }
      return [name, { data, shape: [rows, ...pieces[0].shape.slice(1)] }];
    }),
  );
}

// MARK: Numbers

/**
 * The function from a number of an input, and its position, to its word.
 *
 * @param {InputForm} form
 * @param {string} kind
 * @returns {(value: number | bigint | boolean, position: number) => bigint}
 */
function encoder({ name, type, fractionBits, range }, kind) {
  const fail = (/** @type {number} */ position, /** @type {string} */ what) =>
    new CrypTenError("input", `The ${kind}input ${name} has, at position ${position}, ${what}.`);
  return (value, position) => {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number === "number" && !Number.isFinite(number)) throw fail(position, "what isn't a finite number");
    // A pad is the cell's own choice, and may lie outside of the range.
    if (range && position >= 0 && !(number >= range[0] && number <= range[1])) {
      throw fail(position, `a number outside of its range, ${range[0]} to ${range[1]}`);
    }
    if (type === "BOOL" && number != 0 && number != 1) throw fail(position, "what is neither true nor false");
    const word = type === "INT64" || type === "BOOL" ? wordOfWhole(number) : wordOfReal(number, fractionBits);
    if (word === null) {
      throw fail(position, type === "INT64" || type === "BOOL" ? "what isn't a whole number of 64 bits" : "what isn't a number that 64 bits hold");
    }
    return word;
  };
}

/**
 * round(value · 2^fractionBits), halves away from zero, as an element of Z_2^64; null where that doesn't fit.
 *
 * Exact: multiplying by a power of two only moves the exponent, and so does what follows not round: the truncation, the difference, which has
 * fewer bits than `scaled`, and the step to the next whole number, which is taken below 2^52 alone.
 *
 * @param {number | bigint} value
 * @param {number} fractionBits
 */
export function wordOfReal(value, fractionBits) {
  if (typeof value !== "number") return null;
  const scaled = value * 2 ** fractionBits;
  let whole = Math.trunc(scaled);
  if (Math.abs(scaled - whole) >= 0.5) whole += Math.sign(scaled);
  // Also false for what isn't finite.
  if (!(whole >= -(2 ** 63) && whole < 2 ** 63)) return null;
  return BigInt.asUintN(64, BigInt(whole));
}

/** @param {number | bigint} value A number only where it holds the whole number exactly. */
export function wordOfWhole(value) {
  if (typeof value === "number" ? !Number.isSafeInteger(value) : typeof value !== "bigint") return null;
  const whole = BigInt(value);
  return BigInt.asIntN(64, whole) === whole ? BigInt.asUintN(64, whole) : null;
}

/**
 * Words as the numbers of an output.
 *
 * @param {OutputForm} form
 * @param {BigUint64Array} words
 */
export function decoded({ name, type, fractionBits }, words) {
  if (type === "INT64") return new BigInt64Array(words.buffer, words.byteOffset, words.length);
  if (type === "BOOL") {
    return Uint8Array.from(words, (word) => {
      if (word > 1n) {
        throw new CrypTenError("malformed_reply", `Output ${name} should be true or false, and is neither: some party answered wrongly.`);
      }
      return Number(word);
    });
  }
  const unit = 2 ** fractionBits;
  return Float64Array.from(words, (word) => Number(BigInt.asIntN(64, word)) / unit);
}

// MARK: Shares

/**
 * The words that a party makes of its seed.
 *
 * @param {Uint8Array} seed 32 bytes.
 * @param {string} id 32 hexadecimal digits.
 * @param {string} model
 * @param {string} input
 * @param {number} party
 * @param {number} count
 */
export async function shareFromSeed(seed, id, model, input, party, count) {
  const key = await hkdf(seed, new Uint8Array(0), shareInfo(id, model, input, party), 32);
  return wordsOf(chacha20(key, new Uint8Array(12), 0, 8 * count));
}

/**
 * @param {string} id
 *
 * @param {string} model
 * @param {string} input
 * @param {number} party
 */
export function shareInfo(id, model, input, party) {
  const prefixed = (/** @type {Uint8Array} */ bytes) => [uint32(bytes.length), bytes];
  return concatenated([
    utf8("crypten share 1"), ...prefixed(bytesOfHex(id)), ...prefixed(utf8(model)), ...prefixed(utf8(input)), uint32(party),
  ]);
}

/**
 * @param {Uint8Array} inputKey
 *
 * @param {Uint8Array} salt
 * @param {Uint8Array} info
 * @param {number} length
 */
export async function hkdf(inputKey, salt, info, length) {
  const key = await crypto.subtle.importKey("raw", /** @type {any} */ (inputKey), "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: /** @type {any} */ (salt), info: /** @type {any} */ (info) };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 8 * length));
}

/**
 * The first `length` bytes of ChaCha20's key stream (RFC 8439).
 *
 * @param {Uint8Array} key 32 bytes.
 * @param {Uint8Array} nonce 12 bytes.
 * @param {number} counter The first block's.
 * @param {number} length
 */
export function chacha20(key, nonce, counter, length) {
  const blocks = Math.ceil(length / 64);
  const stream = new Uint8Array(64 * blocks);
  const out = new DataView(stream.buffer);
  const start = new Uint32Array(16);
  start.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  const view = (/** @type {Uint8Array} */ bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < 8; i += 1) start[4 + i] = view(key).getUint32(4 * i, true);
  for (let i = 0; i < 3; i += 1) start[13 + i] = view(nonce).getUint32(4 * i, true);
  const x = new Uint32Array(16);
  const quarter = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ c, /** @type {number} */ d) => {
    let t;
    x[a] += x[b]; t = x[d] ^ x[a]; x[d] = (t << 16) | (t >>> 16);
    x[c] += x[d]; t = x[b] ^ x[c]; x[b] = (t << 12) | (t >>> 20);
    x[a] += x[b]; t = x[d] ^ x[a]; x[d] = (t << 8) | (t >>> 24);
    x[c] += x[d]; t = x[b] ^ x[c]; x[b] = (t << 7) | (t >>> 25);
  };
  for (let block = 0; block < blocks; block += 1) {
    start[12] = counter + block;
    x.set(start);
    for (let round = 0; round < 10; round += 1) {
      quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
      quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
    }
    for (let i = 0; i < 16; i += 1) out.setUint32(64 * block + 4 * i, x[i] + start[i], true);
  }
  return stream.subarray(0, length);
}

// MARK: Requests

/**
 * One request for each party: the seed alone for all but the last, and the remaining words for that.
 *
 * @param {Metadata} metadata
 * @param {string} id
 * @param {Uint8Array[]} seeds Those of parties 0 to n − 2.
 * @param {Words[]} inputs
 * @param {OutputForm[]} outputs
 * @param {boolean} binary Whether words are sent, and asked for, in the binary form.
 * @returns {Promise<{body: Uint8Array, jsonLength: number | null, shares: BigUint64Array[]}[]>}
 */
export async function makeRequests(metadata, id, seeds, inputs, outputs, binary) {
  /** @type {BigUint64Array[][]} */
  const shares = await Promise.all(
    seeds.map((seed, party) =>
      Promise.all(inputs.map(({ name, words }) => shareFromSeed(seed, id, metadata.name, name, party, words.length))),
    ),
  );
  const rest = inputs.map(({ words }, i) => {
    const difference = words.slice();
    for (const share of shares) subtract(difference, share[i]);
    return difference;
  });
  return [...shares, rest].map((own, party) => {
    const seeded = party < seeds.length;
    const described = inputs.map(({ name, shape }, i) => {
      const text = JSON.stringify({
        name, shape, datatype: "UINT64", ...(binary && !seeded && { parameters: { binary_data_size: own[i].byteLength } }),
      });
      // Words don't fit into JavaScript's numbers, so that their digits are put in by hand.
      return seeded || binary ? text : `${text.slice(0, -1)},"data":[${own[i].join(",")}]}`;
    });
    const head = JSON.stringify({
      id,
      parameters: {
        crypten_sharing: SHARING,
        crypten_epoch: metadata.epoch,
        ...(seeded && { crypten_seed: hex(seeds[party]) }),
        ...(binary && { binary_data_output: true }),
      },
    });
    const json = utf8(`${head.slice(0, -1)},"inputs":[${described.join(",")}],"outputs":${JSON.stringify(outputs.map(({ name }) => ({ name })))}}`);
    const inBinary = binary && !seeded;
    return {
      body: inBinary ? concatenated([json, ...own.map(bytesOf)]) : json,
      jsonLength: inBinary ? json.length : null,
      shares: own,
    };
  });
}

/**
 * Subtracts mod 2^64, in place.
 *
 * @param {BigUint64Array} from
 * @param {BigUint64Array} words
 */
function subtract(from, words) {
  for (let i = 0; i < from.length; i += 1) from[i] = BigInt.asUintN(64, from[i] - words[i]);
}

// MARK: Replies

/**
 * @typedef {{tag: string, outputs: {form: OutputForm, shape: number[], words: BigUint64Array}[]}} PartyReply
 *
 * @param {HTTPReply} reply
 * @param {string} party
 * @param {Metadata} metadata
 * @param {string} id
 * @param {OutputForm[]} outputs Those that were asked for.
 * @param {number} rows
 * @returns {PartyReply}
 */
export function parsedReply({ headers, bytes }, party, metadata, id, outputs, rows) {
  const fail = (/** @type {string} */ what) =>
    new CrypTenError("malformed_reply", `The reply of party ${party} ${what}: see whether it runs the version that it says.`, { party });
  const header = headers.get("Inference-Header-Content-Length");
  // Across origins the header can be read only where the party allows it; without it the JSON ends where its braces do.
  if (header !== null && !(/^\d{1,15}$/.test(header) && Number(header) <= bytes.length)) throw fail("has a JSON part of impossible length");
  const { value: json, end } = parsedObject(bytes, party, "reply", header === null ? null : Number(header));
  const tag = json.parameters?.crypten_tag;
  if (json.model_name !== metadata.name || json.model_version !== metadata.version) throw fail("is of another model or version");
  if (json.id !== id) throw fail("is to another question");
  if (typeof tag !== "string" || !/^[0-9a-f]{64}$/.test(tag)) throw fail("has no tag");
  if (!Array.isArray(json.outputs) || json.outputs.length !== outputs.length) throw fail(`doesn't have the ${outputs.length} outputs asked for`);
  let offset = end;
  const read = json.outputs.map((/** @type {any} */ output) => {
    const form = outputs.find(({ name }) => name === output?.name);
    if (!form) throw fail("has an output that wasn't asked for");
    const { shape, datatype, data, parameters } = output;
    if (
      datatype !== "UINT64" || parameters?.crypten_type !== form.type || parameters?.crypten_fraction_bits !== form.fractionBits
    ) {
      throw fail(`has the output ${form.name} in another form than its metadata says`);
    }
    if (
      !isShape(shape, 0) || shape.length !== form.shape.length || shape[0] !== rows ||
      shape.some((/** @type {number} */ extent, /** @type {number} */ axis) => axis > 0 && form.shape[axis] >= 0 && extent !== form.shape[axis])
    ) {
      throw fail(`has the output ${form.name} in another shape than its metadata says`);
    }
    const count = product(shape);
    const size = parameters?.binary_data_size;
    if (size === undefined) {
      const words = Array.isArray(data) && data.length === count ? wordsOfList(data) : null;
      if (!words) throw fail(`doesn't have the ${count} words of output ${form.name}`);
      return { form, shape, words };
    }
    if (data !== undefined || size !== 8 * count || size > bytes.length - offset) {
      throw fail(`doesn't have the ${count} words of output ${form.name}`);
    }
    offset += size;
    return { form, shape, words: wordsOf(bytes.slice(offset - size, offset)) };
  });
  if (new Set(read.map((/** @type {any} */ output) => output.form)).size !== outputs.length) throw fail("has an output twice");
  if (offset !== bytes.length) throw fail("has more bytes than its outputs need");
  return { tag, outputs: outputs.map((form) => read.find((/** @type {any} */ output) => output.form === form)) };
}

/**
 * The numbers: the words of all parties, added. Only if all have sent the same tag.
 *
 * @param {Metadata} metadata
 * @param {PartyReply[]} replies
 * @returns {Record<string, Output>}
 */
export function combine(metadata, replies) {
  if (replies.some(({ tag }) => tag !== replies[0].tag)) {
    throw new CrypTenError(
      "tag_mismatch",
      `The parties' replies about model ${metadata.name} are not of one run, so that their sum would mean nothing: ask anew, and if it stays so, ask them.`,
    );
  }
  return Object.fromEntries(
    replies[0].outputs.map(({ form, shape, words }, i) => {
      const sum = words.slice();
      for (const reply of replies.slice(1)) {
        const { shape: other, words: share } = reply.outputs[i];
        if (shown(other) !== shown(shape)) {
          throw new CrypTenError("malformed_reply", `The parties give output ${form.name} different shapes, ${shown(shape)} and ${shown(other)}.`);
        }
        for (let j = 0; j < sum.length; j += 1) sum[j] = BigInt.asUintN(64, sum[j] + share[j]);
      }
      return [form.name, { data: decoded(form, sum), shape: [...shape] }];
    }),
  );
}

/**
 * @param {string} party
 *
 * @param {Response} response
 * @param {Uint8Array} bytes Its body.
 */
function refusal(party, { status, headers }, bytes) {
  /** @type {any} */
  let body = null;
  try {
    body = parsedObject(bytes, party, "refusal").value;
  } catch {
    // What stands before a party may answer in its own way.
  }
  const code = typeof body?.crypten_code === "string" && /^[a-z_]{1,40}$/.test(body.crypten_code) ? body.crypten_code : "http";
  const text = typeof body?.error === "string" ? body.error.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 400) : "";
  const said = text || `it gave the HTTP status ${status} and no reason`;
  const seconds = headers.get("Retry-After") ?? "";
  return new CrypTenError(code, `Party ${party} refused: ${said}`, { party, status, retryAfter: /^\d{1,2}$/.test(seconds) ? Number(seconds) : null });
}

/**
 * Reads a body, and stops where it is longer than `limit`.
 *
 * @param {Response} response
 * @param {number} limit
 * @param {string} party
 */
async function bounded(response, limit, party) {
  /** @type {Uint8Array[]} */
  const pieces = [];
  let length = 0;
  if (response.body) {
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) {
        await reader.cancel().catch(() => {});
        throw new CrypTenError("malformed_reply", `The reply of party ${party} has more than ${limit} bytes, and wasn't read to its end.`, {
          party, status: response.status,
        });
      }
      pieces.push(value);
    }
  }
  return concatenated(pieces);
}

/**
 * The JSON object at the beginning of `bytes`. Whole numbers that JavaScript's don't hold become `bigint`.
 *
 * @param {Uint8Array} bytes
 * @param {string} party
 * @param {string} what
 * @param {number | null} [length] Of the JSON, where it is known.
 * @returns {{value: any, end: number}}
 */
function parsedObject(bytes, party, what, length = null) {
  try {
    const end = jsonEnd(length === null ? bytes : bytes.subarray(0, length));
    if (length !== null && end !== length) throw new SyntaxError("more than one value");
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end));
    const value = parsedJSON(text);
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw new SyntaxError("no object");
    return { value, end };
  } catch {
    // The cause would quote what was read, and so a share: it is left out.
    throw new CrypTenError("malformed_reply", `The ${what} of party ${party} is no JSON object: see whether a party answers at that address.`, { party });
  }
}

/**
 * Where the object at the beginning ends; and white space behind it, if nothing else follows.
 *
 * @param {Uint8Array} bytes
 */
export function jsonEnd(bytes) {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (quoted) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) {
      quoted = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) throw new SyntaxError("too deep");
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
      if (depth === 0) {
        const rest = bytes.subarray(i + 1);
        const blank = rest.length < 16 && rest.every((/** @type {number} */ space) => [0x20, 0x09, 0x0a, 0x0d].includes(space));
        return blank ? bytes.length : i + 1;
      }
    }
  }
  return bytes.length;
}

/** What long whole numbers carry on their way through `JSON.parse`; no valid text of a party starts with it. */
const LONG = "\u0000crypten word ";

/** @param {string} text */
function parsedJSON(text) {
  const marked = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g, (token) =>
    /^-?\d{16,}$/.test(token) ? JSON.stringify(LONG + token) : token,
  );
  return JSON.parse(marked, (_, value) => (typeof value === "string" && value.startsWith(LONG) ? BigInt(value.slice(LONG.length)) : value));
}

/** @param {unknown[]} list */
function wordsOfList(list) {
  const words = new BigUint64Array(list.length);
  for (let i = 0; i < list.length; i += 1) {
    const entry = list[i];
    const word = typeof entry === "bigint" ? entry : typeof entry === "number" && Number.isSafeInteger(entry) ? BigInt(entry) : -1n;
    if (BigInt.asUintN(64, word) !== word) return null;
    words[i] = word;
  }
  return words;
}

// MARK: Metadata

/**
 * What all parties say alike, checked.
 *
 * @param {string} cell
 * @param {Party[]} parties
 * @param {string} model
 * @param {string | undefined} version The one asked for.
 * @param {any[]} bodies
 * @returns {Metadata}
 */
export function agreed(cell, parties, model, version, bodies) {
  const expected = { crypten_sharing: SHARING, crypten_cell: cell, crypten_parties: parties.length };
  bodies.forEach((body, index) => {
    const party = parties[index].name;
    const said = body.parameters ?? {};
    const all = { ...expected, crypten_party: index, crypten_party_name: party };
    for (const [key, value] of Object.entries(all)) {
      if (said[key] === value) continue;
      const code = key === "crypten_sharing" ? "sharing_version" : "metadata";
      throw new CrypTenError(
        code,
        `What answers at ${parties[index].url} has ${key} ${named(said[key])}, where ${named(value)} is expected of party ${party}: mend the list of parties.`,
        { party },
      );
    }
  });
  const common = (/** @type {any} */ body, /** @type {string[]} */ ...without) =>
    canonical({ ...body, parameters: Object.fromEntries(Object.entries(body.parameters).filter(([key]) => !without.includes(key))) });
  const own = ["crypten_party", "crypten_party_name"];
  const other = bodies.findIndex((body) => common(body, ...own) !== common(bodies[0], ...own));
  if (other > 0) {
    // Parties don't begin an epoch at the same instant.
    const starting = bodies.every((body) => common(body, ...own, "crypten_epoch") === common(bodies[0], ...own, "crypten_epoch"));
    throw new CrypTenError(
      starting ? "epoch" : "metadata",
      `Parties ${parties[0].name} and ${parties[other].name} say different things of model ${model}, so that nothing was sent: ${
        starting ? "one of them is still in an epoch that is over" : "ask those who run them"
      }.`,
      { party: parties[other].name },
    );
  }
  return checkedMetadata(model, version, bodies[0]);
}

/**
 * @param {string} model
 * @param {string | undefined} version
 * @param {any} body
 * @returns {Metadata}
 */
function checkedMetadata(model, version, body) {
  const fail = (/** @type {string} */ what) =>
    new CrypTenError("metadata", `The metadata of model ${model} ${what}: this client can't ask it.`);
  const named = (/** @type {any} */ list) =>
    Array.isArray(list) && list.length > 0 && new Set(list.map((entry) => entry?.name)).size === list.length &&
    list.every((entry) => typeof entry?.name === "string" && entry.name && entry.datatype === "UINT64" && isShape(entry.shape, -1));
  const { crypten_epoch: epoch, crypten_rows: rows, crypten_row_counts: rowCounts = null } = body.parameters;
  if (body.name !== model) throw fail("is of another model");
  if (!Array.isArray(body.versions) || !body.versions.every((/** @type {unknown} */ entry) => typeof entry === "string" && entry)) {
    throw fail("names no version");
  }
  const [chosen] = body.versions;
  if (!chosen) throw fail("names no version");
  if (version !== undefined && chosen !== version) throw fail(`doesn't describe the version ${version}`);
  if (typeof epoch !== "string" || !/^[0-9a-f]{32}$/.test(epoch)) throw fail("has no epoch");
  if (!Number.isSafeInteger(rows) || rows < 1) throw fail("doesn't say how many rows a request takes");
  const isCount = (/** @type {unknown} */ count) => Number.isSafeInteger(count) && Number(count) >= 1 && Number(count) <= rows;
  if (rowCounts !== null && !(Array.isArray(rowCounts) && rowCounts.length > 0 && rowCounts.every(isCount))) {
    throw fail("names impossible numbers of rows");
  }
  if (!named(body.inputs) || !named(body.outputs)) throw fail("lists its inputs and outputs in another form than is known here");
  /** @param {any} entry @returns {{type: NumberType, fractionBits: number}} */
  const numbers = ({ name, parameters }) => {
    const { crypten_type: type, crypten_fraction_bits: fractionBits } = parameters ?? {};
    const real = type === "FP32" || type === "FP64";
    if (!real && type !== "INT64" && type !== "BOOL") throw fail(`has ${name} of a type that is unknown here`);
    if (!Number.isSafeInteger(fractionBits) || fractionBits < 0 || fractionBits > (real ? 62 : 0)) throw fail(`has ${name} with an impossible number of fraction bits`);
    return { type, fractionBits };
  };
  /** @type {InputForm[]} */
  const inputs = body.inputs.map((/** @type {any} */ input) => {
    const { crypten_range: range = null, crypten_shapes: shapes = [input.shape], crypten_pad: pad = 0 } = input.parameters ?? {};
    const bounds = Array.isArray(range) ? range.map(Number) : null;
    if (range !== null && !(bounds?.length === 2 && bounds[0] <= bounds[1])) throw fail(`has input ${input.name} with an impossible range`);
    const fixed = (/** @type {any} */ shape) => isShape(shape, -1) && shape[0] === -1 && isShape(shape.slice(1), 0);
    if (!Array.isArray(shapes) || shapes.length === 0 || !shapes.every(fixed)) throw fail(`has input ${input.name} with impossible shapes`);
    const form = { name: input.name, ...numbers(input), range: /** @type {[number, number] | null} */ (bounds), shapes, pad };
    try {
      padWord(form);
    } catch {
      throw fail(`has input ${input.name} with an impossible pad`);
    }
    return form;
  });
  if (inputs.some(({ shapes }) => shapes.length !== inputs[0].shapes.length)) throw fail("lists different numbers of shapes for its inputs");
  return {
    name: model,
    version: chosen,
    epoch,
    rows,
    rowCounts,
    inputs,
    outputs: body.outputs.map((/** @type {any} */ output) => ({ name: output.name, ...numbers(output), shape: output.shape })),
  };
}

/**
 * JSON with sorted keys.
 *
 * @param {any} value
 * @returns {string}
 */
function canonical(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

/**
 * @param {Party[] | undefined} parties
 * @param {boolean} insecureHTTP
 */
function checkedParties(parties, insecureHTTP) {
  const fail = (/** @type {string} */ message) => new CrypTenError("configuration", message);
  if (!Array.isArray(parties) || parties.length < 2) throw fail("A cell has two parties at least: list each with its name and url.");
  const checked = parties.map((party) => {
    const name = nonempty(party?.name, "a party's name");
    let url;
    try {
      url = new URL(party.url);
    } catch {
      throw fail(`Party ${name} has no valid address: its url should be such as https://party.example.org:8443.`);
    }
    const local = /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
    if (url.protocol !== "https:" && !(url.protocol === "http:" && (local || insecureHTTP))) {
      throw fail(`Party ${name} must be asked over HTTPS: whoever listens to all parties' connections could add up the shares.`);
    }
    if (url.username || url.password || url.search || url.hash) throw fail(`The address of party ${name} must be without a user, a query and a fragment.`);
    return { name, url: url.href.replace(/\/+$/, ""), origin: url.origin };
  });
  checked.forEach(({ name, origin }, index) => {
    const other = checked.findIndex((party) => party.name === name || party.origin === origin);
    if (other < index) {
      throw fail(`Parties ${checked[other].name} and ${name} have the same name or origin: what serves one address for two parties sees all shares.`);
    }
  });
  return checked.map(({ name, url }) => ({ name, url }));
}

// MARK: Small things

/**
 * @param {unknown} value
 *
 * @param {string} what
 */
function nonempty(value, what) {
  if (typeof value !== "string" || value === "") throw new CrypTenError("configuration", `Text is expected for ${what}, and there is none.`);
  return value;
}

/**
 * @param {unknown} shape
 *
 * @param {number} least
 * @returns {shape is number[]}
 */
function isShape(shape, least) {
  return Array.isArray(shape) && shape.length <= 16 && shape.every((extent) => Number.isSafeInteger(extent) && extent >= least) &&
    Number.isSafeInteger(product(shape));
}

/** @param {readonly number[]} shape */
function product(shape) {
  return shape.reduce((total, extent) => total * extent, 1);
}

/**
 * How many numbers a row has.
 *
 * @param {readonly number[]} shape
 */
function widthOf(shape) {
  return product(shape.slice(1));
}

/** @param {readonly (number | string)[]} shape */
function shown(shape) {
  return `[${shape.join(", ")}]`;
}

/** @param {{name: string}[]} forms */
function listed(forms) {
  return forms.map(({ name }) => name).join(", ");
}

/** @param {unknown} value */
function named(value) {
  return ["string", "number"].includes(typeof value) ? `“${String(value).slice(0, 80)}”` : "none";
}

/**
 * A whole number below `limit`, each as likely.
 *
 * @param {number} limit
 */
function randomBelow(limit) {
  const word = new Uint32Array(1);
  const fair = 2 ** 32 - (2 ** 32 % limit);
  do crypto.getRandomValues(word);
  while (word[0] >= fair);
  return word[0] % limit;
}

/**
 * Fisher and Yates's.
 *
 * @param {unknown[]} list
 */
function shuffle(list) {
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = randomBelow(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}

/**
 * `count` different numbers below `limit`.
 *
 * @param {number} limit
 * @param {number} count
 */
function drawn(limit, count) {
  const all = Array.from({ length: limit }, (_, i) => i);
  shuffle(all);
  return all.slice(0, count);
}

/**
 * @param {number} milliseconds
 *
 * @param {AbortSignal | undefined} signal
 */
function pause(milliseconds, signal) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        reject(new CrypTenError("aborted", "The question was taken back before it was asked anew."));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", end);
        resolve();
      }, milliseconds);
      if (signal?.aborted) end();
      else signal?.addEventListener("abort", end, { once: true });
    })
  );
}

/** @param {string} text */
function utf8(text) {
  return new TextEncoder().encode(text);
}

/** @param {number} value */
function uint32(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** @param {Uint8Array[]} pieces */
function concatenated(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text */
function bytesOfHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Words as bytes, little-endian.
 *
 * @param {BigUint64Array} words
 */
function bytesOf(words) {
  if (LITTLE_ENDIAN) return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const view = new DataView(new ArrayBuffer(words.byteLength));
  words.forEach((word, i) => view.setBigUint64(8 * i, word, true));
  return new Uint8Array(view.buffer);
}

/**
 * Little-endian bytes as words.
 *
 * @param {Uint8Array} bytes
 */
function wordsOf(bytes) {
  if (LITTLE_ENDIAN && bytes.byteOffset % 8 === 0) return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return BigUint64Array.from({ length: bytes.length / 8 }, (_, i) => view.getBigUint64(8 * i, true));
}
