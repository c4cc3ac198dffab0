import { newId, textOf, way, wrongState } from './call-types.js';
import type { AnswerOptions, CallDetails, CallEvents, CallHost, CallOptions, CallState, EndInfo, EndOptions, Kind } from './call-types.js';
import { Emitter } from './emitter.js';
import { CausewayError, aborted } from './error.js';
import { openCamera, openMedia, requireWebRtc, stopTracks } from './media.js';
import type { LocalMedia, MediaOptions, VideoOptions } from './media.js';
import { Peer } from './peer.js';
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
    private peer: Peer | undefined;
    private media: LocalMedia | undefined;
    private camera: { track: MediaStreamTrack; own: boolean } | undefined;
    private pictures = { local: false, remote: false };
    private about: CallDetails = {};
    private fields: Readonly<Record<string, string>> = {};
    private gatewayName = '';
    private offer = '';
    private audible = false; // an answer came before the call was taken
    private early: Notifications['call.candidate'][] = []; // ahead of the description they are of
    private answeredAt = 0;
    private mutes = { audio: false, video: false };
    private remoteMutes = { audio: false, video: false };
    private holds: Held = { local: false, remote: false };
    private readonly players = new Set<HTMLMediaElement>();
    private steps: Promise<void> = Promise.resolve();
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
        return this.mutes;
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
        return this.pictures;
    }
    /** The browser's own object; made when an incoming call is answered. */
    get pc(): RTCPeerConnection | undefined {
        return this.peer?.pc;
    }
    get localStream(): MediaStream | undefined {
        return this.media?.stream;
    }
    get remoteStream(): MediaStream | undefined {
        return this.peer?.remote;
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
            const sdp = await this.openPeer().answer(this.offer, this.media!.stream);
            for (const candidate of this.early.splice(0)) await this.peer!.addCandidate(candidate);
            if (this.over) throw wrongState(this.now);
            const { headers } = options;
            await this.host.rpc.request('call.answer', { call: this.id, sdp, ...(headers && { headers }) });
            if (this.over) throw wrongState(this.now);
            this.release();
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
        if (this.over || this.mutes[kind] === on) return;
        this.mutes = { ...this.mutes, [kind]: on };
        this.applyMutes();
        if (this.now === 'active') this.tellMutes();
        this.emit('muted', { who: 'local', ...this.mutes });
    }

    /**
     * Leaves the call and puts somebody else in this side's place: whom you name, or the other side of
     * another call of yours. Resolves when that is done and the call over; rejects when it failed, and the
     * call is as it was. Hanging up meanwhile lets it go on.
     */
    async transfer(to: string | Call): Promise<void> {
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
        await this.negotiate(true);
    }

    /**
     * Sends the camera, or a track of yours, from now on. Resolves when the gateway has taken it; whether
     * the other side does, the `video` event tells.
     */
    async addVideo(options: VideoOptions = {}): Promise<MediaStreamTrack> {
        if (this.now !== 'active') throw wrongState(this.now);
        const track = options.track ?? (await openCamera(options.video ?? true));
        this.stopCamera();
        this.camera = { track, own: !options.track };
        this.applyMutes();
        await this.negotiate(false, (peer) => peer.sendVideo(track));
        return track;
    }

    /** Sends none any more; what the other side sends stays. */
    async removeVideo(): Promise<void> {
        if (!this.camera) return;
        this.stopCamera();
        await this.negotiate(false, (peer) => peer.stopVideo());
    }

    /** Plays the other side through an `<audio>` or `<video>` of the page until the call ends. */
    async attach(element: HTMLMediaElement): Promise<void> {
        if (this.over) return;
        this.players.add(element);
        if (this.peer?.remote.getTracks().length) await this.play(element, this.peer.remote);
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

    /** @internal Steps wait for each other: a description is applied before the next is looked at. */
    notified<N extends About>(method: N, params: Notifications[N]): void {
        this.steps = this.steps
            .then(() => (this.over ? undefined : reactions[method](this, params)))
            .catch((error: unknown) => this.fail(error));
    }

    /** @internal */
    async changed({ held, sdp }: Notifications['call.update']): Promise<void> {
        this.setHeld(held);
        if (!sdp || !this.peer) return;
        const answer = await this.peer.answerAgain(sdp);
        await this.host.rpc.request('call.answer', { call: this.id, sdp: answer });
        this.tellPictures();
    }

    /** @internal The session is gone, and the call with it. */
    lost(why: CausewayError): void {
        this.finish({ reason: why.kind, by: 'gateway', text: why.message });
    }

    /** @internal */
    async progressed({ state, sdp, peer, headers }: Notifications['call.progress']): Promise<void> {
        this.learn(peer, headers);
        if (sdp) await this.peer?.accept(sdp);
        if (sdp) this.audible = true;
        if (this.unanswered && !(state === 'trying' && this.now !== 'trying')) this.move(state);
    }

    /** @internal */
    async candidate(params: Notifications['call.candidate']): Promise<void> {
        if (this.peer?.pc.remoteDescription) await this.peer.addCandidate(params);
        else this.early.push(params);
    }

    /** @internal */
    async wasAnswered({ sdp, peer, headers }: Notifications['call.answer']): Promise<void> {
        this.learn(peer, headers);
        if (sdp) await this.peer?.accept(sdp);
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
        this.applyMutes();
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
        this.peer?.close();
        if (this.media?.own) stopTracks(this.media.stream);
        this.stopCamera();
        for (const element of this.players)
            if (element.srcObject === this.peer?.remote) element.srcObject = null;
        this.players.clear();
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

    /*
     * One negotiation at a time. The gateway refuses ours with `state` while an offer of its own waits for
     * our answer: that one was told before the refusal, is answered first, and then ours is made again.
     */
    private async negotiate(restart: boolean, prepare?: (peer: Peer) => Promise<void>): Promise<void> {
        for (let tries = 5; ; tries--) {
            const step = this.steps.then(() => this.reoffer(restart, prepare));
            this.steps = step.catch(() => {});
            try {
                return await step;
            } catch (error) {
                const again = error instanceof CausewayError && error.kind === 'state' && error.code !== 0;
                if (!again || tries === 1 || this.over) throw error;
            }
        }
    }

    private async reoffer(restart: boolean, prepare?: (peer: Peer) => Promise<void>) {
        const { peer } = this;
        if (!peer || this.over) throw wrongState(this.now);
        await prepare?.(peer);
        const offer = await peer.offerAgain(restart);
        try {
            const { sdp } = await this.host.rpc.request('call.update', { call: this.id, sdp: offer });
            await peer.accept(sdp);
        } catch (error) {
            if (!this.over) await peer.withdraw();
            throw error;
        }
        this.tellPictures();
    }

    private tellPictures() {
        const flow = this.peer?.pictures() ?? { local: false, remote: false };
        if (flow.local === this.pictures.local && flow.remote === this.pictures.remote) return;
        this.pictures = flow;
        this.emit('video', flow);
    }

    private stopCamera() {
        if (this.camera?.own) this.camera.track.stop();
        this.camera = undefined;
    }

    private async dial(options: CallOptions) {
        await this.takeMedia(options);
        const sdp = await this.openPeer().offer(this.media!.stream);
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
        if (!this.over) this.release();
    }

    private async takeMedia(options: MediaOptions) {
        const media = await openMedia(options);
        if (this.over) {
            if (media.own) stopTracks(media.stream);
            throw wrongState(this.now);
        }
        this.media = media;
        this.applyMutes();
    }

    private openPeer(): Peer {
        this.peer = new Peer(this.host.rtc, {
            track: (track, stream) => {
                for (const element of this.players) void this.play(element, stream);
                this.emit('track', { track, stream });
            },
            connection: (state) => {
                this.emit('connection', state);
                if (state === 'failed')
                    this.fail(new CausewayError('ice', 'the media path to the gateway is broken'));
            },
        });
        return this.peer;
    }

    /* Chromium stays silent when a stream is given to an element before its first track. */
    private async play(element: HTMLMediaElement, stream: MediaStream) {
        if (element.srcObject !== stream) element.srcObject = stream;
        try {
            await element.play();
        } catch (error) {
            if ((error as DOMException).name === 'NotAllowedError') this.emit('needsgesture', element);
        }
    }

    private release() {
        this.peer?.release((candidate) =>
            this.host.rpc.tell('call.candidate', { call: this.id, ...candidate }),
        );
    }

    private move(to: CallState) {
        if (to === this.now) return;
        this.now = to;
        if (to === 'active') {
            this.answeredAt = Date.now();
            if (this.mutes.audio || this.mutes.video) this.tellMutes();
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

    /* A held call sends nothing: what is said meanwhile is not meant for the other side. */
    private applyMutes() {
        const tracks = this.media?.stream.getTracks() ?? [];
        for (const track of this.camera ? [...tracks, this.camera.track] : tracks)
            track.enabled = !this.mutes[track.kind as Kind] && !this.holds.local;
    }

    private tellMutes() {
        this.host.rpc.tell('call.info', { call: this.id, muted: { ...this.mutes } });
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
