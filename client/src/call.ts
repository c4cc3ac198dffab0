import { newId, textOf, way, wrongState } from './call-types.js';
import type { AnswerOptions, CallDetails, CallEvents, CallHost, CallOptions, CallState, EndInfo, EndOptions, Kind } from './call-types.js';
import { Emitter } from './emitter.js';
import { CausewayError, aborted } from './error.js';
import { Local } from './local.js';
import { openCamera, requireWebRtc } from './media.js';
import type { MediaOptions, VideoOptions } from './media.js';
import { Negotiation } from './negotiation.js';
import { Players } from './players.js';
import type { CallEnded, CallIncoming, CallReject, Held, Notifications, Party } from './protocol.js';
import { Reporter } from './report.js';
import { summarize } from './stats.js';
import type { CallStats } from './stats.js';

type About = 'call.progress' | 'call.candidate' | 'call.answer' | 'call.update' | 'call.info' | 'call.transfer' | 'call.quality' | 'call.media' | 'call.end';

export class Call extends Emitter<CallEvents> {
    /** Settles when the other side answers; rejects when the call ends before. */
    readonly answered: Promise<void>;
    /** Resolves when the call is over, whatever the reason. */
    readonly ended: Promise<EndInfo>;

    private now: CallState;
    private readonly local = new Local();
    private about: CallDetails = {};
    private fields: Readonly<Record<string, string>> = {};
    private gatewayName = '';
    private offer = '';
    private audible = false; // an answer came before the call was taken
    private answeredAt = 0;
    private remoteMutes = { audio: false, video: false };
    private holds: Held = { local: false, remote: false };
    private readonly players = new Players((element) => this.emit('needsgesture', element));
    private readonly talks: Negotiation;
    private readonly reporter = new Reporter();
    private reporting: ReturnType<typeof setTimeout> | undefined;
    private settle!: { answered(): void; refused(why: CausewayError): void; ended(info: EndInfo): void };

    /** @internal Calls come from Session.call() and the session's `call` event. */
    constructor(
        private readonly host: CallHost,
        readonly direction: 'incoming' | 'outgoing',
        /** This call's name within the session. */
        readonly id: string,
        private party: Party,
        /** Whom the caller asked for. */
        readonly to: string,
    ) {
        super();
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
        this.talks = new Negotiation(host, id, {
            track: (track, stream) => {
                this.players.playAll(stream);
                this.emit('track', { track, stream });
            },
            connection: (state) => this.connection(state),
            pictures: (flow) => this.emit('video', flow),
        });
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

    // ── What the page may do ────────────────────────────────────────────────────────────────────

    /** Takes an incoming call. When the microphone is refused, it goes on ringing. */
    async answer(options: AnswerOptions = {}): Promise<void> {
        if (this.direction !== 'incoming' || this.now !== 'ringing') throw wrongState(this.now);
        requireWebRtc();
        this.move('answering');
        try {
            await this.takeMedia(options);
        } catch (error) {
            if (!this.over) this.move('ringing');
            throw error;
        }
        try {
            const sdp = await this.talks.answer(this.offer, this.local.stream!);
            if (this.over) throw wrongState(this.now);
            const { headers } = options;
            await this.host.rpc.request('call.answer', { call: this.id, sdp, ...(headers && { headers }) });
            if (this.over) throw wrongState(this.now);
            this.talks.release();
            this.move('active');
        } catch (error) {
            this.fail(error);
            throw error;
        }
    }

    /** Refuses an incoming call, on all devices of this user. */
    async reject(reason: NonNullable<CallReject['reason']> = 'declined', options: EndOptions = {}): Promise<void> {
        if (this.direction !== 'incoming' || !this.unanswered) throw wrongState(this.now);
        const sent = this.host.rpc.request('call.reject', { call: this.id, reason, ...options });
        this.finish({ reason, by: 'you' });
        await sent.catch(() => {});
    }

    /** Ends the call in any state. Over here at once; resolves when the gateway knows, or is gone. */
    async hangup(options: EndOptions = {}): Promise<void> {
        if (this.over) return;
        if (this.direction === 'incoming' && this.now === 'ringing') return this.reject('declined', options);
        const sent = this.host.rpc.request('call.end', { call: this.id, ...options });
        this.finish({ reason: 'hangup', by: 'you' });
        await sent.catch(() => {});
    }

    async hold(): Promise<void> {
        await this.host.rpc.request('call.hold', { call: this.id });
        this.setHeld({ ...this.holds, local: true });
    }

    async resume(): Promise<void> {
        await this.host.rpc.request('call.resume', { call: this.id });
        this.setHeld({ ...this.holds, local: false });
    }

    /** Silences what this side sends, and tells the other side. */
    mute(kind: Kind = 'audio', on = true): void {
        if (this.over || this.muted[kind] === on) return;
        this.local.mute(kind, on);
        if (this.now === 'active') this.tellMutes();
        this.emit('muted', { who: 'local', ...this.muted });
    }

    /**
     * Leaves the call and puts somebody else in this side's place: whom you name, or the other side of
     * another call of yours. Resolves when that is done and the call over; rejects when it failed, and the
     * call is as it was. Hanging up meanwhile lets it go on. `grant`: a token for the call to whom you name.
     */
    async transfer(to: string | Call, { grant }: { grant?: string } = {}): Promise<void> {
        let stop = () => {};
        const settled = new Promise<void>((resolve, reject) => {
            stop = this.on('transfer', ({ state, reason = 'internal', text, sip }) => {
                if (state === 'done') resolve();
                if (state === 'failed') reject(new CausewayError(reason, text ?? textOf(reason), 0, sip && { sip }));
            });
            void this.ended.then(({ reason, by, text }) => {
                if (by === 'you' || reason === 'transferred') resolve();
                else reject(new CausewayError(reason, text));
            });
        });
        settled.catch(() => {});
        try {
            await this.host.rpc.request('call.transfer', {
                call: this.id,
                ...(typeof to === 'string' ? { to } : { other: to.id }),
                ...(grant && { grant }),
            });
            await settled;
        } finally {
            stop();
        }
    }

    /** Presses keys, one after the other: `0-9 * # A-D`. */
    async dtmf(digits: string, options: { durationMs?: number } = {}): Promise<void> {
        const keys = digits.toUpperCase();
        if (!/^[0-9*#A-D]{1,32}$/.test(keys))
            throw new CausewayError('bad-params', 'keys are 1 to 32 of 0-9 * # A-D');
        await this.host.rpc.request('call.dtmf', {
            call: this.id,
            digits: keys,
            ...(options.durationMs === undefined ? {} : { duration_ms: options.durationMs }),
        });
    }

    async stats(): Promise<CallStats> {
        if (!this.pc) throw wrongState(this.now);
        return summarize(await this.pc.getStats());
    }

    /** Finds a new media path after a change of network; the other side does not notice. */
    async restartIce(): Promise<void> {
        await this.talks.again(true);
    }

    /**
     * Sends the camera, or a track of yours, from now on. Resolves when the gateway has taken it; whether
     * the other side does, the `video` event tells.
     */
    async addVideo(options: VideoOptions = {}): Promise<MediaStreamTrack> {
        if (this.now !== 'active') throw wrongState(this.now);
        const track = options.track ?? (await openCamera(options.video ?? true));
        this.local.setCamera(track, !options.track);
        await this.talks.again(false, (peer) => peer.sendVideo(track));
        return track;
    }

    /** Sends none any more; what the other side sends stays. */
    async removeVideo(): Promise<void> {
        if (!this.local.sendsCamera) return;
        this.local.stopCamera();
        await this.talks.again(false, (peer) => peer.stopVideo());
    }

    /** Plays the other side through an `<audio>` or `<video>` of the page until the call ends. */
    async attach(element: HTMLMediaElement): Promise<void> {
        if (this.over) return;
        await this.players.add(element, this.talks.remote);
    }

    // ── What the session calls ──────────────────────────────────────────────────────────────────

    /** @internal Rejects when there is no call to speak of, and leaves nothing behind. */
    static async start(host: CallHost, to: string, options: CallOptions): Promise<Call> {
        requireWebRtc();
        const call = new Call(host, 'outgoing', newId(), { uri: to }, to);
        try {
            await call.dial(options);
        } catch (error) {
            const unanswered = error instanceof CausewayError && error.code === 0;
            if (unanswered && host.calls.has(call.id)) host.rpc.tell('call.end', { call: call.id });
            call.fail(error, false);
            throw error;
        }
        const { signal } = options;
        if (signal) {
            const stop = () => void call.hangup();
            const stay = () => signal.removeEventListener('abort', stop);
            signal.addEventListener('abort', stop);
            call.answered.then(stay, stay);
        }
        return call;
    }

    /** @internal */
    static incoming(host: CallHost, from: CallIncoming): Call {
        const call = new Call(host, 'incoming', from.call, from.from, from.to);
        call.gatewayName = from.id;
        call.offer = from.sdp;
        const { verified, forwarded, subject, priority, alert, info } = from;
        call.about = {
            ...(verified && { verified }),
            ...(forwarded && { forwarded }),
            ...(subject && { subject }),
            ...(priority && { priority }),
            ...(alert && { alert }),
            ...(info && { info }),
        };
        call.fields = from.headers ?? {};
        host.calls.set(call.id, call);
        return call;
    }

    /** @internal */
    notified<N extends About>(method: N, params: Notifications[N]): void {
        this.talks
            .step(() => (this.over ? undefined : reactions[method](this, params)))
            .catch((error: unknown) => this.fail(error));
    }

    /** @internal */
    async changed({ held, sdp }: Notifications['call.update']): Promise<void> {
        this.setHeld(held);
        if (sdp) await this.talks.offered(sdp);
    }

    /** @internal The session is gone, and the call with it. */
    lost(why: CausewayError): void {
        this.finish({ reason: why.kind, by: 'gateway', text: why.message });
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
        if (sdp) await this.talks.accept(sdp);
        if (this.unanswered) this.move('active');
    }

    /** @internal */
    told({ dtmf, muted, peer }: Notifications['call.info']): void {
        this.learn(peer);
        if (dtmf) this.emit('dtmf', { digit: dtmf.digit, durationMs: dtmf.duration_ms });
        if (muted) {
            this.remoteMutes = { ...this.remoteMutes, ...muted };
            this.emit('muted', { who: 'remote', ...this.remoteMutes });
        }
    }

    /** @internal */
    moved({ state, reason, text, sip }: Notifications['call.transfer']): void {
        this.emit('transfer', {
            state,
            ...(reason === undefined ? {} : { reason }),
            ...(text === undefined ? {} : { text }),
            ...(sip && { sip }),
        });
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

    private get over() {
        return this.now === 'ended';
    }

    private get unanswered() {
        return this.now !== 'active' && this.now !== 'ended';
    }

    private async dial(options: CallOptions) {
        await this.takeMedia(options);
        const sdp = await this.talks.offer(this.local.stream!);
        if (options.signal?.aborted) throw aborted();
        this.host.calls.set(this.id, this);
        const started = await this.host.rpc.request(
            'call.start',
            {
                call: this.id,
                to: this.to,
                sdp,
                ...(options.headers && { headers: options.headers }),
                ...(options.from && { from: options.from }),
                ...(options.anonymous && { anonymous: true }),
                ...(options.ringback === false && { ringback: false }),
                ...(options.grant && { grant: options.grant }),
            },
            options.signal && { signal: options.signal },
        );
        this.gatewayName = started.id;
        if (!this.over) this.talks.release();
    }

    private async takeMedia(options: MediaOptions) {
        if (!(await this.local.open(options))) throw wrongState(this.now);
    }

    private connection(state: RTCPeerConnectionState) {
        this.emit('connection', state);
        if (state === 'failed')
            this.fail(new CausewayError('ice', 'the media path to the gateway is broken'));
    }

    private move(to: CallState) {
        if (to === this.now) return;
        this.now = to;
        if (to === 'active') {
            this.answeredAt = Date.now();
            if (this.muted.audio || this.muted.video) this.tellMutes();
            this.settle.answered();
            this.scheduleReport();
        }
        this.emit('state', to);
    }

    /* The gateway sees its own end of the media path only; this is the other. */
    private scheduleReport() {
        if (!this.host.reportInterval) return;
        this.reporting = setTimeout(() => void this.report(), this.host.reportInterval);
    }

    private async report() {
        const raw = await this.pc?.getStats().catch(() => undefined);
        if (this.over) return;
        if (raw) this.host.rpc.tell('call.report', { call: this.id, ...this.reporter.report(raw) });
        this.scheduleReport();
    }

    private learn(peer: Party | undefined, headers?: Record<string, string>) {
        if (headers) this.fields = headers;
        if (!peer) return;
        this.party = peer;
        this.emit('peer', peer);
    }

    /* The call cannot go on from here. */
    private fail(error: unknown, tell = true) {
        if (this.over) return;
        const why =
            error instanceof CausewayError ? error : new CausewayError('media-failed', String(error));
        this.host.warn(`call ${this.id}: ${why.message}`);
        if (tell) this.host.rpc.tell('call.end', { call: this.id });
        this.finish({
            reason: why.kind,
            by: why.kind === 'cancelled' ? 'you' : 'gateway',
            text: why.message,
            ...(why.sip && { sip: why.sip }),
        });
    }

    private tellMutes() {
        this.host.rpc.tell('call.info', { call: this.id, muted: { ...this.muted } });
    }
}

const reactions: { [N in About]: (call: Call, params: Notifications[N]) => Promise<void> | void } = {
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
