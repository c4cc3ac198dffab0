import type { CallState } from './protocol.js';

/** A call as the gateway says it stands. */
export type CallRow = CallState;

declare module './protocol.js' {
    interface Requests {
        'push.register': { params: { kind: string; endpoint: string; keys?: Record<string, string> }; result: Empty };
        'push.unregister': { params: { endpoint: string }; result: Empty };
    }
}
