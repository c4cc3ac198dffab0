import type { CallState } from './protocol.js';

/** A call as the gateway says it stands. */
export type CallRow = CallState;
