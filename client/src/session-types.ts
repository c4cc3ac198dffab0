import type { Call } from './call.js';
import type { CausewayError } from './error.js';
import type { MediaOptions } from './media.js';
import type { Party, Registration } from './protocol.js';
import type { TraceEvent } from './rpc.js';
import type { CallState as CallRow } from './protocol.js';

/** `reconnecting`: the connection is lost and sought again; requests fail with `network` meanwhile. */
export type SessionState = 'connected' | 'reconnecting' | 'closed';

export interface SessionEvents {
    /** `error` says why a session is closed that nobody here closed, or why it is reconnecting. */
    state: { state: SessionState; error?: CausewayError };
    /** The connection is lost; the next attempt to get it back begins in `delayMs`. Told for each attempt. */
    reconnecting: { attempt: number; delayMs: number; error: CausewayError };
    /** The session goes on. `reset`: what happened meanwhile is not known in full; the calls are right again. */
    reconnected: { transport: 'websocket' | 'poll'; reset: boolean };
    /** The session is over: `closed` when this side closed it, else a kind of the table of errors. */
    ended: { reason: string; error?: CausewayError };
    /** Somebody calls: answer() or reject() it. With `resumed`: a call of the page before a reload goes on. */
    call: Call;
    /** A text of another user. */
    message: Message;
    /** Data of another user's page. */
    data: Data;
    /** Your registration in the telephone network became another. */
    registration: Registration;
    /** The gateway is about to close the session. */
    closing: { reason: string };
    trace: TraceEvent;
}

/** What another user wrote. */
export interface Message {
    from: Party;
    id: string;
    /** A media type, usually `text/plain`. */
    type: string;
    text: string;
    /** When the gateway had it, in milliseconds since the epoch. */
    time: number;
}

/** What another user's page sent. */
export interface Data {
    from: Party;
    id: string;
    /** The sender's word for what it is. */
    event?: string;
    body: unknown;
}

/** What became of something sent. */
export interface Sent {
    id: string;
    /** `queued`: all their devices have just lost their connection. */
    status: 'delivered' | 'queued';
}

/** A call of yours on another device or page: pull() takes it over. */
export type OtherCall = CallRow;

export interface ConnectOptions {
    /** Exactly one of the three: a log-in token, how to get one, or a guest's name. */
    token?: string;
    getToken?: () => string | Promise<string>;
    guest?: string;
    /** `auto`: a WebSocket, and long-polling where that is blocked, until a WebSocket can be had. */
    transport?: 'auto' | 'websocket' | 'poll';
    /** Where a page that is reloaded finds its session and its calls again: true is sessionStorage. */
    storage?: boolean | Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
    /** What a call sends that is taken up after a reload; the microphone when not given. */
    resumeMedia?: MediaOptions;
    /** For RTCPeerConnection; iceServers here replace the gateway's. */
    rtc?: RTCConfiguration;
    /** Milliseconds a request may take, connecting included; 10 s when not given. */
    requestTimeout?: number;
    /** Milliseconds between what a call's browser measured is told to the gateway; 10 s when not given, 0: never. */
    reportInterval?: number;
    /** Milliseconds between attempts to leave long-polling for a WebSocket; 10 s when not given. */
    upgradeInterval?: number;
    /** Gives up connecting; of no meaning later. */
    signal?: AbortSignal;
    /** Sees every frame from the first on; later listeners use the session's `trace` event. */
    trace?: (event: TraceEvent) => void;
    logger?: Pick<Console, 'warn'>;
}
