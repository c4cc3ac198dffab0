import type { Call } from './call.js';
import { CausewayError } from './error.js';
import type { MediaOptions } from './media.js';
import type { CallEnded, CallIncoming, CallReject, Direction, Held, Party } from './protocol.js';
import type { Rpc } from './rpc.js';
import type { Data } from './session-types.js';
import type { CallStats } from './stats.js';
import type { Warning } from './watch.js';

/**
 * Outgoing: trying, ringing, early (something is heard before the answer), active, ended.
 * Incoming: ringing, answering, active, ended.
 */
export type CallState = 'trying' | 'ringing' | 'early' | 'answering' | 'active' | 'ended';

export interface EndInfo extends Pick<CallEnded, 'reason' | 'by' | 'sip' | 'q850' | 'headers'> {
    /** The reason for people. */
    text: string;
    /** Milliseconds between answer and end; 0 when it was never answered. */
    durationMs: number;
}

/** After `failed` the call is as it was. */
export interface Transfer {
    state: 'trying' | 'ringing' | 'done' | 'failed';
    /** Of `failed`: the kind of error, and what a SIP peer answered. */
    reason?: string;
    text?: string;
    sip?: { status: number; reason: string };
}

export interface CallEvents {
    state: CallState;
    /** The other side sends this track now; `stream` is always the call's remoteStream. */
    track: { track: MediaStreamTrack; stream: MediaStream };
    /** Who the other side is, as a trusted network says now; `remote` is that from here on. */
    peer: Party;
    muted: { who: 'local' | 'remote'; audio: boolean; video: boolean };
    held: Held;
    /** Which way video flows now, after either side added or removed it. */
    video: { local: boolean; remote: boolean };
    /** How a transfer of this side's goes; `done`: the call ends next, with the reason `transferred`. */
    transfer: Transfer;
    dtmf: { digit: string; durationMs: number };
    /** How a side's sound does: when it is first known, and when its rating changes. */
    quality: Quality;
    /** A side that should be sending is not heard by the gateway for some seconds, or is again. */
    media: { leg: 'you' | 'peer'; kind: Kind; state: 'silent' | 'flowing' };
    /** The media path, as RTCPeerConnection.connectionState. */
    connection: RTCPeerConnectionState;
    /** The media path is broken, and sought again; `reconnected` when it is found. */
    reconnecting: void;
    reconnected: void;
    /** Every second of an active call. */
    stats: CallStats;
    /** Something is bad for longer than a moment, or is good again. */
    warning: Warning;
    /** The microphone vanished: `label` is that of another which is sent now; without one there is none. */
    device: { kind: 'microphone'; label?: string };
    /** A screen is sent, or no longer. */
    sharing: boolean;
    /** The other side's video is a screen's, or a camera's again. */
    screen: boolean;
    /** What the other side's page sent by its Call.data(). */
    data: Data;
    /** The browser plays sound only after a click: call `element.play()` in one. */
    needsgesture: HTMLMediaElement;
    ended: EndInfo;
}

export interface CallOptions extends MediaOptions {
    /** Header fields for the SIP side: those the gateway lets you set, usually `X-…`. */
    headers?: Record<string, string>;
    /** The number to call from: one of the user's own. */
    from?: string;
    /** The other side is not to see who calls. */
    anonymous?: boolean;
    /** false: the page makes the tone of ringing itself, the gateway plays none. */
    ringback?: boolean;
    /** A token for this call, made by your server: where to, for how long, how often. */
    grant?: string;
    /** Of the gateway's candidates only these: to try a way. */
    only?: 'udp' | 'tcp';
}

export interface AnswerOptions extends MediaOptions {
    /** Header fields for the SIP side: those the gateway lets you set, usually `X-…`. */
    headers?: Record<string, string>;
}

/** What the end of a call says besides; `q850` is a cause of the telephone network. */
export type EndOptions = Pick<CallReject, 'q850' | 'text' | 'headers'>;

/** What else an incoming call says: whether its number is vouched for, who forwarded it, what it is about, how to ring. */
export type CallDetails = Pick<CallIncoming, 'verified' | 'forwarded' | 'subject' | 'priority' | 'alert' | 'info'>;

/** How one side's connection to the gateway does; what is not known yet is left out. */
export interface Quality {
    leg: 'you' | 'peer';
    /** By the worse direction. */
    rating: 'good' | 'fair' | 'poor';
    /** From that side, as the gateway receives it. */
    sent?: QualityWay;
    /** To that side, as it reports to receive it. */
    heard?: QualityWay;
    rttMs?: number;
}

export interface QualityWay {
    /** What a listener would say of it, 1 to 4.5. */
    mos?: number;
    /** Of all packets, 0 to 1; those that came too late included. */
    loss: number;
    jitterMs: number;
}

/** What a call needs of its session, which may change its connection underneath. */
export interface CallHost {
    readonly rpc: Rpc;
    readonly rtc: RTCConfiguration;
    readonly calls: Map<string, Call>;
    /** Milliseconds between reports to the gateway; 0: none. */
    readonly reportInterval: number;
    /** false: the connection is lost, and sought. */
    readonly connected: boolean;
    /** Is the connection still there? */
    check(): void;
    /** Resolves when it is there again. */
    again(): Promise<void>;
    /** A call ended here: the gateway is to know when it can be told. */
    unsaid(call: string): void;
    warn(text: string): void;
}

export type Kind = 'audio' | 'video';

export function way({ mos, loss, jitter_ms }: Direction): QualityWay {
    return {
        ...(mos === undefined ? {} : { mos: mos / 100 }),
        loss: loss / 1000,
        jitterMs: jitter_ms,
    };
}

export function textOf(reason: string): string {
    return reason === 'hangup' ? 'call ended' : reason.replace(/-/g, ' ');
}

export function wrongState(state: CallState): CausewayError {
    return new CausewayError('state', `not possible while the call is ${state}`);
}

/* 96 bits: crypto.randomUUID() is missing outside secure contexts. */
export function newId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
