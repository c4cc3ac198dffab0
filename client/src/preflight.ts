// A file of its own beside the library: only a page that tests needs it.
import { connect, environment } from './index.js';
import type { Call, CallStats, CausewayError, ConnectOptions, Environment, MediaOptions, Session } from './index.js';

export interface PreflightOptions extends ConnectOptions {
    /** Who sends the sound back; `echo` when not given. */
    to?: string;
    /** The microphone to test. */
    audio?: boolean | MediaTrackConstraints;
    /** Milliseconds to listen; 5 s when not given. */
    duration?: number;
}

/** `unoffered`: the gateway has no such way. */
export type Reach = 'ok' | 'failed' | 'unoffered';

export interface Preflight {
    environment: Environment;
    /** `error` says why there is no sound from it. */
    microphone: { ok: boolean; label?: string; error?: Error };
    /** The session: how it was reached, and how long the log-in took. */
    signalling: { ok: boolean; transport?: 'websocket' | 'poll'; ms?: number; error?: CausewayError };
    /** The ways media may take. */
    media: { udp: Reach; tcp: Reach };
    /** As heard from the echo, averages; undefined when nothing was. */
    rttMs?: number;
    jitterMs?: number;
    /** Of all packets, 0 to 1. */
    loss?: number;
    /** 1 to 4.5; above 4 is good, below 3 bad. */
    mos?: number;
}

const REACH_MS = 5_000;

/** Tries what a call needs, without ringing anywhere. Rejects only for wrong parameters. */
export async function preflight(url: string | URL, options: PreflightOptions): Promise<Preflight> {
    const { to = 'echo', duration = 5_000, audio = true } = options;
    const result: Preflight = {
        environment: environment(),
        microphone: { ok: false },
        signalling: { ok: false },
        media: { udp: 'failed', tcp: 'failed' },
    };
    let media: MediaOptions = { audio: false };
    try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio });
        media = { stream };
        result.microphone = { ok: true, label: stream.getAudioTracks()[0]?.label ?? '' };
    } catch (error) {
        result.microphone.error = error as Error;
    }
    const began = Date.now();
    try {
        const session = await connect(url, options);
        result.signalling = { ok: true, transport: session.transport, ms: Date.now() - began };
        try {
            await tryMedia(session, to, media, duration, result);
        } finally {
            await session.close();
        }
    } catch (error) {
        if ((error as CausewayError).kind === 'bad-params') throw error;
        result.signalling.error = error as CausewayError;
    } finally {
        for (const track of media.stream?.getTracks() ?? []) track.stop();
    }
    return result;
}

async function tryMedia(session: Session, to: string, media: MediaOptions, duration: number, result: Preflight) {
    if (!result.environment.webrtc) return;
    const ways = ['udp', 'tcp'] as const;
    const calls = await Promise.all(ways.map((only) => session.call(to, { ...media, only })));
    const reached = await Promise.all(calls.map((call, i) => reach(call, ways[i]!)));
    ways.forEach((way, i) => (result.media[way] = reached[i]!));
    const call = calls[reached.indexOf('ok')];
    if (!call) return;
    const heard: CallStats[] = [];
    call.on('stats', (stats) => heard.push(stats));
    await within(duration, call.ended);
    const average = (of: (stats: CallStats) => number | undefined) => {
        const known = heard.map(of).filter((each): each is number => each !== undefined);
        return known.length ? known.reduce((sum, each) => sum + each, 0) / known.length : undefined;
    };
    const measured = {
        rttMs: average((stats) => stats.rttMs),
        jitterMs: average((stats) => stats.jitterMs),
        loss: average((stats) => stats.loss),
        mos: average((stats) => stats.mos),
    };
    Object.assign(result, measured);
}

async function reach(call: Call, way: string): Promise<Reach> {
    const up = new Promise<Reach>((resolve) => {
        if (call.pc?.connectionState === 'connected') resolve('ok');
        call.on('connection', (state) => state === 'connected' && resolve('ok'));
    });
    const reached = await within(REACH_MS, Promise.race([up, call.ended.then((): Reach => 'failed')]));
    if (reached === 'ok') return reached;
    let offered = false;
    (await call.pc?.getStats())?.forEach((row: { type: string; protocol?: string }) => {
        offered ||= row.type === 'remote-candidate' && row.protocol === way;
    });
    void call.hangup();
    return offered ? 'failed' : 'unoffered';
}

function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    let timer: ReturnType<typeof setTimeout>;
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
