/** The settings that a bench gives the stub before each measurement. */
export interface StubSettings {
  /** How long each answer is held back, in milliseconds. Default: 0. */
  rttMs?: number;
  /** How many copies of the last message that was sent are in the queue. Default: 0. */
  backlog?: number;
  /** Whether what is sent is kept for receives. Default: `false`. */
  keeps?: boolean;
  /** Copies of the last message that was sent, which come one by one. Default: none. */
  drip?: { readonly everyMs: number; readonly count: number };
}
