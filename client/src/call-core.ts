import { textOf, way, wrongState } from './call-types.js';
import type { CallDetails, CallEvents, CallHost, CallOptions, CallState, EndInfo } from './call-types.js';
import type { Call } from './call.js';
import { Emitter } from './emitter.js';
import { CausewayError, aborted } from './error.js';
import { Local } from './local.js';
import type { MediaOptions } from './media.js';
import { Negotiation } from './negotiation.js';
import { Players } from './players.js';
import type { CallEnded, CallIncoming, Held, Notifications, Party } from './protocol.js';
import { Recovery } from './recovery.js';
import { Reporter } from './report.js';
import { Watch } from './watch.js';
import type { CallState as CallRow } from './protocol.js';

type About = 'call.progress' | 'call.candidate' | 'call.answer' | 'call.update' | 'call.info' | 'call.transfer' | 'call.quality' | 'call.media' | 'call.end';

const SAMPLE_MS = 1_000;

/** A call's life: what the gateway tells of it, its media, its end. `Call` adds what a page may do. */
export class CallCore extends Emitter<CallEvents> {
    /** Settles when the other side answers; rejects when the call ends before. */
    readonly answered: Promise<void>;
    /** Resolves when the call is over, whatever the reason. */
    readonly ended: Promise<EndInfo>;
    /** It was there before the page was reloaded, or on another device. */
    readonly resumed: boolean;

    /** @internal */
    protected readonly local: Local;
    /** @internal */
    protected readonly talks: Negotiation;
    /** @internal */
    protected readonly players = new Players((element) => this.emit('needsgesture', element));
    /** @internal */
    protected offer = '';
    private readonly recovery: Recovery;
    private now: CallState;
    private about: CallDetails = {};
    private fields: Readonly<Record<string, string>> = {};
    private gatewayName = '';
    private audible = false; // an answer came before the call was taken
    private known = false; // the gateway has taken it
    private bare = false; // taken up, and without a connection yet
    private seen = false; // taken up with video
    private stale = false; // the network changed before the answer
    private answeredAt = 0;
    private remoteMutes = { audio: false, video: false };
    private holds: Held = { local: false, remote: false };
    private readonly reporter = new Reporter();
    private readonly watch = new Watch(
        (warning) => this.emit('warning', warning),
        () => this.host.check(),
    );
    private reporting: ReturnType<typeof setTimeout> | undefined;
    private sampling: ReturnType<typeof setTimeout> | undefined;
    private settle!: { answered(): void; refused(why: CausewayError): void; ended(info: EndInfo): void };

    /** @internal Calls come from Session.call() and the session's `call` event. */
    constructor(
        /** @internal */
        protected readonly host: CallHost,
        readonly direction: 'incoming' | 'outgoing',
        /** This call's name within the session. */
        readonly id: string,
        private party: Party,
        /** Whom the caller asked for. */
        readonly to: string,
        row?: CallRow,
    ) {
        super();
        this.resumed = !!row;
        this.now = direction === 'incoming' ? 'ringing' : 'trying';
        let answered!: () => void, refused!: (why: CausewayError) => void;
        let ended!: (info: EndInfo) => void;
        this.answered = new Promise((resolve, reject) => {
            answered = resolve;
            refused = reject;
        });
        this.answered.catch(() => {}); // not everybody waits for it
        this.ended = new Promise((resolve) => (ended = resolve));
        this.settle = { answered, refused, ended };
        this.local = new Local({
            vanished: (track) => void this.microphoneChanged(track),
            unshared: () => void this.unshared().catch(() => {}),
        });
        this.talks = new Negotiation(host, id, {
            track: (track, stream) => {
                this.players.playAll(stream);
                this.emit('track', { track, stream });
            },
            connection: (state) => {
                this.emit('connection', state);
                this.recovery.state(state);
            },
            pictures: (flow) => this.emit('video', flow),
        });
        this.recovery = new Recovery({
            get connected() {
                return host.connected;
            },
            lost: () => {
                this.emit('reconnecting', undefined);
                host.check();
            },
            back: () => this.emit('reconnected', undefined),
            repair: () => this.talks.again(true),
            giveUp: () => this.fail(new CausewayError('ice', 'the media path to the gateway is broken')),
        });
        if (row) this.adopt(row);
    }

    /** The other end: who calls; or whom you called, or who answers then, if a trusted network says so. */
    get remote(): Readonly<Party> {
        return this.party;
    }
    /** Of an incoming call: is its number vouched for, by whom it was forwarded, its subject, how to ring. */
    get details(): Readonly<CallDetails> {
        return this.about;
    }
    /** The header fields that the other side's last SIP message had and the gateway shows. */
    get headers(): Readonly<Record<string, string>> {
        return this.fields;
    }
    get state(): CallState {
        return this.now;
    }
    /** The gateway's id of the call, as its logs and `causewayctl` show it. */
    get gatewayId(): string {
        return this.gatewayName;
    }
    get muted(): Readonly<{ audio: boolean; video: boolean }> {
        return this.local.muted;
    }
    get remoteMuted(): Readonly<{ audio: boolean; video: boolean }> {
        return this.remoteMutes;
    }
    get held(): Readonly<Held> {
        return this.holds;
    }
    /** Before the answer the gateway lets something be heard: early media, or the tone of ringing. */
    get earlyMedia(): boolean {
        return this.audible && this.unanswered;
    }
    /** Which way video flows. */
    get video(): Readonly<{ local: boolean; remote: boolean }> {
        return this.talks.pictures;
    }
    /** A screen is sent in the place of the camera. */
    get sharing(): boolean {
        return this.local.sharing;
    }
    /** The browser's own object; made when an incoming call is answered. */
    get pc(): RTCPeerConnection | undefined {
        return this.talks.pc;
    }
    get localStream(): MediaStream | undefined {
        return this.local.stream;
    }
    get remoteStream(): MediaStream | undefined {
        return this.talks.remote;
    }

    // ── How it begins ───────────────────────────────────────────────────────────────────────────

    /** @internal Rejects when there is no call to speak of, and leaves nothing behind. */
    async dial(options: CallOptions): Promise<void> {
        try {
            await this.takeMedia(options);
            this.talks.only = options.only;
            const sdp = await this.talks.offer(this.local.stream!);
            if (options.signal?.aborted) throw aborted();
            this.host.calls.set(this.id, this as unknown as Call);
            const { headers, from, grant, signal } = options;
            const started = await this.host.rpc.request(
                'call.start',
                {
                    call: this.id,
                    to: this.to,
                    sdp,
                    ...(headers && { headers }),
                    ...(from && { from }),
                    ...(options.anonymous && { anonymous: true }),
                    ...(options.ringback === false && { ringback: false }),
                    ...(grant && { grant }),
                },
                signal && { signal },
            );
            this.gatewayName = started.id;
            this.known = true;
            if (!this.over) this.talks.release();
        } catch (error) {
            const unanswered = error instanceof CausewayError && error.code === 0;
            if (unanswered && this.host.calls.has(this.id)) this.tellEnd();
            this.fail(error, false);
            throw error;
        }
    }

    /** @internal */
    comes({ id, sdp, headers, seq: _, call: __, from: ___, to: ____, ...details }: CallIncoming): void {
        this.gatewayName = id;
        this.offer = sdp;
        this.about = details;
        this.fields = headers ?? {};
        this.known = true;
        this.host.calls.set(this.id, this as unknown as Call);
    }

    /** @internal From another device of the user. */
    async pull(options: MediaOptions): Promise<void> {
        try {
            await this.takeMedia(options);
            const sdp = await this.talks.offer(this.local.stream!);
            this.host.calls.set(this.id, this as unknown as Call);
            const answer = await this.host.rpc.request('call.pull', { id: this.gatewayName, call: this.id, sdp });
            if (answer.sdp) await this.talks.accept(answer.sdp);
            this.bare = false;
            this.talks.release();
            this.move('active');
        } catch (error) {
            this.fail(error, (error as CausewayError).code === 0);
            throw error;
        }
    }

    /** @internal After a reload: the same call on a new connection. Without a microphone it is listened to. */
    async recover(options: MediaOptions): Promise<void> {
        if (!this.local.stream)
            await this.takeMedia(options).catch(async (error: unknown) => {
                this.host.warn(String(error));
                this.emit('device', { kind: 'microphone' });
                await this.takeMedia({ audio: false });
            });
        await this.talks.step(async () => {
            const offer = await this.talks.offer(this.local.stream!, this.seen);
            const { sdp } = await this.host.rpc.request('call.update', { call: this.id, sdp: offer, restart: true });
            if (sdp) await this.talks.accept(sdp); // else `call.answer` brings it
            this.bare = false;
            this.talks.release();
        });
    }

    private adopt({ id, state, held, muted, since_ms, video }: CallRow) {
        this.seen = video;
        this.gatewayName = id;
        this.known = this.bare = true;
        this.now = state;
        this.holds = held;
        for (const kind of ['audio', 'video'] as const) this.local.mute(kind, !!muted[kind]);
        this.local.hold(held.local);
        if (state !== 'active') return;
        this.answeredAt = Date.now() - since_ms;
        this.settle.answered();
        this.schedule();
    }

    /** @internal */
    async takeMedia(options: MediaOptions): Promise<void> {
        if (options.maxBitrate) void this.talks.limit(options.maxBitrate);
        if (!(await this.local.open(options))) throw wrongState(this.now);
    }

    // ── What the session tells ──────────────────────────────────────────────────────────────────

    /** @internal */
    notified<N extends About>(method: N, params: Notifications[N]): void {
        this.talks
            .step(() => (this.over ? undefined : reactions[method](this, params)))
            .catch((error: unknown) => this.fail(error));
    }

    /** @internal The session goes on over another connection, perhaps another network. */
    resumedLink(options: MediaOptions): void {
        if (this.over || !this.known) return;
        if (this.bare) {
            if (this.direction === 'outgoing' || this.now === 'active')
                this.recover(options).catch((error: CausewayError) => {
                    if (error.kind !== 'network' && error.kind !== 'state') this.fail(error);
                });
        } else if (this.talks.ready) this.recovery.repair();
        else this.stale = !!this.pc;
        if (this.now === 'active' && (this.muted.audio || this.muted.video)) this.tellMutes();
    }

    /** @internal The gateway has not taken it yet. */
    get starting(): boolean {
        return !this.known;
    }

    /** @internal It rings here, and perhaps elsewhere. */
    get comesIn(): boolean {
        return this.direction === 'incoming' && this.now === 'ringing';
    }

    /** @internal The session is gone, and the call with it. */
    lost(why: CausewayError): void {
        this.finish({ reason: why.kind, by: 'gateway', text: why.message });
    }

    /** @internal */
    async changed({ held, sdp }: Notifications['call.update']): Promise<void> {
        this.setHeld(held);
        if (sdp) await this.talks.offered(sdp);
    }

    /** @internal */
    async progressed({ state, sdp, peer, headers }: Notifications['call.progress']): Promise<void> {
        this.learn(peer, headers);
        if (sdp) await this.talks.accept(sdp);
        if (sdp) this.audible = true;
        if (this.unanswered && !(state === 'trying' && this.now !== 'trying')) this.move(state);
    }

    /** @internal */
    candidate(params: Notifications['call.candidate']): Promise<void> {
        return this.talks.candidate(params);
    }

    /** @internal */
    async wasAnswered({ sdp, peer, headers }: Notifications['call.answer']): Promise<void> {
        this.learn(peer, headers);
        if (sdp && !this.bare) await this.talks.accept(sdp);
        if (!this.unanswered) return;
        this.move('active');
        if (this.stale || this.bare) this.resumedLink({});
        this.stale = false;
    }

    /** @internal */
    told({ dtmf, muted, peer, screen }: Notifications['call.info']): void {
        this.learn(peer);
        if (screen !== undefined) this.emit('screen', screen);
        if (dtmf) this.emit('dtmf', { digit: dtmf.digit, durationMs: dtmf.duration_ms });
        if (muted) {
            this.remoteMutes = { ...this.remoteMutes, ...muted };
            this.emit('muted', { who: 'remote', ...this.remoteMutes });
        }
    }

    /** @internal */
    moved({ seq: _, call: __, ...transfer }: Notifications['call.transfer']): void {
        this.emit('transfer', transfer);
    }

    /** @internal */
    rated({ leg, rating, sent, heard, rtt_ms }: Notifications['call.quality']): void {
        this.emit('quality', {
            leg,
            rating,
            ...(sent && { sent: way(sent) }),
            ...(heard && { heard: way(heard) }),
            ...(rtt_ms === undefined ? {} : { rttMs: rtt_ms }),
        });
    }

    /** @internal */
    mediaChanged({ leg, kind, state }: Notifications['call.media']): void {
        this.emit('media', { leg, kind, state });
    }

    /** @internal */
    setHeld(held: Held): void {
        if (this.over) return;
        if (held.local === this.holds.local && held.remote === this.holds.remote) return;
        this.holds = { local: held.local, remote: held.remote };
        this.local.hold(held.local);
        this.emit('held', this.holds);
    }

    /** @internal */
    finish(end: Omit<CallEnded, 'seq' | 'call'>): void {
        if (this.over) return;
        const { reason, by, sip, q850, headers } = end;
        const text = end.text ?? textOf(reason);
        const info: EndInfo = {
            reason,
            by,
            text,
            ...(sip && { sip }),
            ...(q850 === undefined ? {} : { q850 }),
            ...(headers && { headers }),
            durationMs: this.answeredAt ? Date.now() - this.answeredAt : 0,
        };
        this.host.calls.delete(this.id);
        clearTimeout(this.reporting);
        clearTimeout(this.sampling);
        this.recovery.stop();
        this.talks.close();
        this.local.close();
        this.players.clear(this.talks.remote);
        this.now = 'ended';
        this.settle.refused(new CausewayError(reason, text, 0, sip && { sip }));
        this.settle.ended(info);
        this.emit('state', 'ended');
        this.emit('ended', info);
    }

    // ── Inside ──────────────────────────────────────────────────────────────────────────────────

    /** @internal */
    protected get over(): boolean {
        return this.now === 'ended';
    }

    /** @internal */
    protected get unanswered(): boolean {
        return this.now !== 'active' && this.now !== 'ended';
    }

    /** @internal */
    protected move(to: CallState): void {
        if (to === this.now) return;
        this.now = to;
        if (to === 'active') {
            this.answeredAt ||= Date.now();
            if (this.muted.audio || this.muted.video) this.tellMutes();
            this.settle.answered();
            this.schedule();
        }
        this.emit('state', to);
    }

    /** @internal The call cannot go on from here. */
    protected fail(error: unknown, tell = true): void {
        if (this.over) return;
        const why =
            error instanceof CausewayError ? error : new CausewayError('media-failed', String(error));
        this.host.warn(`call ${this.id}: ${why.message}`);
        if (tell) this.tellEnd();
        this.finish({
            reason: why.kind,
            by: why.kind === 'cancelled' ? 'you' : 'gateway',
            text: why.message,
            ...(why.sip && { sip: why.sip }),
        });
    }

    /** @internal */
    protected tellMutes(): void {
        this.host.rpc.tell('call.info', { call: this.id, muted: { ...this.muted } });
    }

    /** @internal The browser's own button ended the sharing, or the page did. */
    protected async unshared(): Promise<void> {
        if (!this.sharing) return;
        this.local.setScreen(undefined);
        this.emit('sharing', false);
        this.host.rpc.tell('call.info', { call: this.id, screen: false });
        const camera = this.local.picture;
        if (camera) await this.talks.send(camera);
        else await this.talks.again(false, (peer) => peer.stopVideo());
    }

    private tellEnd() {
        if (this.host.connected) this.host.rpc.tell('call.end', { call: this.id });
        else this.host.unsaid(this.id);
    }

    private async microphoneChanged(track: MediaStreamTrack | undefined) {
        if (track) await this.talks.send(track).catch((error: unknown) => this.host.warn(String(error)));
        this.emit('device', { kind: 'microphone', ...(track && { label: track.label }) });
    }

    /* The gateway sees its own end of the media path only; this is the other. */
    private schedule() {
        const { reportInterval } = this.host;
        const every = (ms: number, work: (raw: RTCStatsReport) => void, timer: 'reporting' | 'sampling') => {
            this[timer] = setTimeout(() => {
                void Promise.resolve(this.pc?.getStats()).catch(() => undefined).then((raw) => {
                    if (this.over) return;
                    if (raw) work(raw);
                    every(ms, work, timer);
                });
            }, ms);
        };
        if (reportInterval)
            every(reportInterval, (raw) => this.host.rpc.tell('call.report', { call: this.id, ...this.reporter.report(raw) }), 'reporting');
        every(SAMPLE_MS, (raw) => {
            const quiet = this.holds.local || this.holds.remote;
            this.emit('stats', this.watch.sample(raw, !quiet && !this.muted.audio, !quiet));
        }, 'sampling');
    }

    private learn(peer: Party | undefined, headers?: Record<string, string>) {
        if (headers) this.fields = headers;
        if (!peer) return;
        this.party = peer;
        this.emit('peer', peer);
    }
}

const reactions: { [N in About]: (call: CallCore, params: Notifications[N]) => Promise<void> | void } = {
    'call.progress': (call, params) => call.progressed(params),
    'call.candidate': (call, params) => call.candidate(params),
    'call.answer': (call, params) => call.wasAnswered(params),
    'call.update': (call, params) => call.changed(params),
    'call.info': (call, params) => call.told(params),
    'call.transfer': (call, params) => call.moved(params),
    'call.quality': (call, params) => call.rated(params),
    'call.media': (call, params) => call.mediaChanged(params),
    'call.end': (call, params) => call.finish(params),
};

export function isAboutCall(method: string): method is About {
    return Object.prototype.hasOwnProperty.call(reactions, method);
}
