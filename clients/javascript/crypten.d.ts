/** Why `infer` or `metadata` gave no answer. `message` is one sentence: what happened, where, what to do. */
export declare class CrypTenError extends Error {
  constructor(code: string, message: string, details?: { party?: string | null; status?: number | null; retryAfter?: number | null; cause?: unknown });
  /** What to switch on: one of the door's codes, or one of this module. */
  code: Code | (string & {});
  /** The party that it is about, or null. */
  party: string | null;
  /** The HTTP status of that party's reply, or null. */
  status: number | null;
  /** After how many seconds it is worth asking anew, where that party says so, or null. */
  retryAfter: number | null;
}

/** The codes of this module, and those of the door. */
export type Code =
  | "configuration" | "token" | "input" | "output" | "canary" | "metadata" | "unreachable" | "timeout" | "aborted" | "http"
  | "malformed_reply" | "tag_mismatch"
  | "malformed" | "needs_shares" | "sharing_version" | "unauthorized" | "forbidden" | "not_found" | "too_slow" | "epoch" | "duplicate"
  | "mismatch" | "too_large" | "budget" | "busy" | "restarting" | "incomplete";

export interface Party {
  name: string;
  /** Its address, over HTTPS unless it is this machine. */
  url: string;
}

/** Numbers in row-major order; the first axis of `shape` is the rows. */
export interface Input {
  data: ArrayLike<number> | ArrayLike<bigint> | ArrayLike<boolean>;
  shape: readonly number[];
}

/** `Float64Array` for `FP32` and `FP64`, `BigInt64Array` for `INT64`, `Uint8Array` for `BOOL`. */
export interface Output {
  data: Float64Array | BigInt64Array | Uint8Array;
  shape: number[];
}

export type NumberType = "FP32" | "FP64" | "INT64" | "BOOL";

/** What all parties say of a model. */
export interface Metadata {
  name: string;
  /** The version that is described, and asked. */
  version: string;
  epoch: string;
  /** How many rows one request takes at the most. */
  rows: number;
  /** The numbers of rows that a model takes that mixes them; null: any from 1 to the most. */
  rowCounts: number[] | null;
  inputs: { name: string; type: NumberType; fractionBits: number; range: [number, number] | null; shapes: number[][]; pad: number }[];
  outputs: { name: string; type: NumberType; fractionBits: number; shape: number[] }[];
}

/** What goes to one party. */
export interface Sent {
  party: Party;
  /** The party's number. */
  index: number;
  model: string;
  /** The request's id, 32 hexadecimal digits. */
  id: string;
  /** A copy of the request's body. */
  body: Uint8Array;
  /** The party's share of each input: what it is sent, or makes of the seed that it is sent. */
  shares: Record<string, { words: BigUint64Array; shape: number[] }>;
}

/** What came from one party. */
export interface Received {
  party: Party;
  /** The party's number. */
  index: number;
  model: string;
  /** The request's id, 32 hexadecimal digits. */
  id: string;
  /** The party's share of each output. */
  shares: Record<string, { words: BigUint64Array; shape: number[] }>;
}

/** Rows with known answers, some of which are mixed into each request. */
export interface Canaries {
  inputs: Record<string, Input>;
  /** What is known of them: all outputs of the model, or some. */
  outputs: Record<string, Input>;
  /** How far an answer may be from what is known. */
  tolerance: number;
  /** How many are mixed into each request; 1 if left out. */
  rows?: number;
}

export interface CellOptions {
  /** The token for a party, for each of them another. It is asked for before every request. */
  token?: (party: Party) => string | Promise<string>;
  /** As for `fetch`: whether a browser shows its client certificate. "omit" with `token`, otherwise "include". */
  credentials?: RequestCredentials;
  /** How long all parties may take for one request, in milliseconds; 60,000. */
  timeout?: number;
  /** How often a question may be asked anew by itself; 3. */
  retries?: number;
  /** How long to wait before, in milliseconds, or as long as a party says, doubled each time; 250. */
  retryDelay?: number;
  /** Whether words are sent and asked for in the binary form; true. */
  binary?: boolean;
  /** What a reply may have at most; 64 MiB. */
  maxReplyBytes?: number;
  /** Allows addresses without TLS beyond this machine. Whoever listens to them all can add up the shares. */
  insecureHTTP?: boolean;
  /** Called for each party before it is asked. */
  onSent?: (sent: Sent) => void;
  /** Called for each party when its answer has come, before they are added up. */
  onReceived?: (received: Received) => void;
  /** Another `fetch`, such as one that shows a client certificate in Node.js. */
  fetch?: typeof globalThis.fetch;
}

export interface InferOptions {
  /** The outputs wanted; all if left out. */
  outputs?: string[];
  /** A version of the model; the first that the parties name if left out. */
  version?: string;
  canaries?: Canaries;
  signal?: AbortSignal;
}

/** The parties of a cell, in the order of their numbers. */
export declare class Cell {
  constructor(members: { cell: string; parties: Party[] }, options?: CellOptions);
  /** What all parties say of a model. They are asked once for each epoch. */
  metadata(model: string, options?: { version?: string; signal?: AbortSignal }): Promise<Metadata>;
  /** Asks the cell. Inputs are checked before anything of them is sent. */
  infer(model: string, inputs: Record<string, Input>, options?: InferOptions): Promise<Record<string, Output>>;
}

/** A token for one party, signed with the client's key: ECDSA on P-256, or Ed25519 where Web Crypto has it. */
export declare function signToken(
  key: CryptoKey,
  claims: { client: string; cell: string; party: string; models?: string[]; seconds?: number },
): Promise<string>;
