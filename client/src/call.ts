import { CallCore } from './call-core.js';
import { newId, textOf, wrongState } from './call-types.js';
import type { AnswerOptions, CallHost, CallOptions, EndOptions, Kind } from './call-types.js';
import { CausewayError } from './error.js';
import { openCamera, openScreen, requireWebRtc, snapshot } from './media.js';
import type { Bitrates, MediaOptions, ScreenOptions, VideoOptions } from './media.js';
import type { CallIncoming, CallReject } from './protocol.js';
import type { RequestOptions } from './rpc.js';
import type { Sent } from './session-types.js';
import { summarize } from './stats.js';
import type { CallStats } from './stats.js';
import type { CallState as CallRow } from './protocol.js';

/** What a page may do with a call. */
export class Call extends CallCore {
    /** Takes an incoming call. When the microphone is refused, it goes on ringing. */
    async answer(options: AnswerOptions = {}): Promise<void> {
        if (!this.comesIn) throw wrongState(this.state);
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
            if (this.over) throw wrongState(this.state);
            const { headers } = options;
            await this.talks.deliver(sdp, headers ? { headers } : {});
            if (this.over) throw wrongState(this.state);
            this.talks.release();
            this.move('active');
        } catch (error) {
            this.fail(error);
            throw error;
        }
    }

    /** Refuses an incoming call, on all devices of this user. */
    async reject(reason: NonNullable<CallReject['reason']> = 'declined', options: EndOptions = {}): Promise<void> {
        if (this.direction !== 'incoming' || !this.unanswered) throw wrongState(this.state);
        const sent = this.host.rpc.request('call.reject', { call: this.id, reason, ...options });
        await this.leave(sent, reason);
    }

    /** Ends the call in any state. Over here at once; resolves when the gateway knows, or is gone. */
    async hangup(options: EndOptions = {}): Promise<void> {
        if (this.over) return;
        if (this.comesIn) return this.reject('declined', options);
        await this.leave(this.host.rpc.request('call.end', { call: this.id, ...options }), 'hangup');
    }

    async hold(options: RequestOptions = {}): Promise<void> {
        await this.host.rpc.request('call.hold', { call: this.id }, options);
        this.setHeld({ ...this.held, local: true });
    }

    async resume(options: RequestOptions = {}): Promise<void> {
        await this.host.rpc.request('call.resume', { call: this.id }, options);
        this.setHeld({ ...this.held, local: false });
    }

    /** Silences what this side sends, and tells the other side. */
    mute(kind: Kind = 'audio', on = true): void {
        if (this.over || this.muted[kind] === on) return;
        this.local.mute(kind, on);
        if (this.state === 'active') this.tellMutes();
        this.emit('muted', { who: 'local', ...this.muted });
    }

    /**
     * Leaves the call and puts somebody else in this side's place: whom you name, or the other side of
     * another call of yours. Resolves when that is done and the call over; rejects when it failed, and the
     * call is as it was. Hanging up meanwhile lets it go on. `grant`: a token for the call to whom you name.
     */
    async transfer(to: string | Call, options: RequestOptions & { grant?: string } = {}): Promise<void> {
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
            const { grant } = options;
            const whom = typeof to === 'string' ? { to } : { other: to.id };
            await this.host.rpc.request('call.transfer', { call: this.id, ...whom, ...(grant && { grant }) }, options);
            await settled;
        } finally {
            stop();
        }
    }

    /** Presses keys, one after the other: `0-9 * # A-D`. */
    async dtmf(digits: string, options: RequestOptions & { durationMs?: number } = {}): Promise<void> {
        const keys = digits.toUpperCase();
        if (!/^[0-9*#A-D]{1,32}$/.test(keys))
            throw new CausewayError('bad-params', 'keys are 1 to 32 of 0-9 * # A-D');
        const { durationMs } = options;
        await this.host.rpc.request(
            'call.dtmf',
            { call: this.id, digits: keys, ...(durationMs === undefined ? {} : { duration_ms: durationMs }) },
            options,
        );
    }

    /** Sends JSON to the other side's page; it has the event `data`. */
    async data(body: unknown, options: RequestOptions & { id?: string; event?: string } = {}): Promise<Sent> {
        const { id, event } = options;
        const to = `call:${this.id}`;
        return this.host.rpc.request('data.send', { to, body, ...(id && { id }), ...(event && { event }) }, options);
    }

    async stats(): Promise<CallStats> {
        if (!this.pc) throw wrongState(this.state);
        return summarize(await this.pc.getStats());
    }

    /** Finds a new media path after a change of network; the other side does not notice. */
    async restartIce(): Promise<void> {
        await this.talks.again(true);
    }

    /** Bounds what is sent from now on; Infinity takes a bound away. */
    async setMaxBitrate(most: Bitrates): Promise<void> {
        await this.talks.limit(most);
    }

    /**
     * Sends the camera, or a track of yours, from now on. Resolves when the gateway has taken it; whether
     * the other side does, the `video` event tells. While a screen is shared it waits for the end of that.
     */
    async addVideo(options: VideoOptions = {}): Promise<MediaStreamTrack> {
        this.requireActive();
        const track = options.track ?? (await openCamera(options.video ?? true, options.signal));
        this.local.setCamera({ track, own: !options.track });
        if (!this.sharing) await this.talks.send(track);
        return track;
    }

    /** Sends no camera any more; what the other side sends stays. */
    async removeVideo(): Promise<void> {
        if (!this.local.sendsCamera) return;
        this.local.setCamera(undefined);
        if (!this.sharing) await this.talks.again(false, (peer) => peer.stopVideo());
    }

    /**
     * Sends a screen, a window or a tab in the place of the camera, or as the call's video when it has none,
     * until stopShare() or the browser's own button. Call it in a click.
     */
    async shareScreen(options: ScreenOptions = {}): Promise<MediaStreamTrack> {
        this.requireActive();
        const track = options.track ?? (await openScreen(options));
        try {
            await this.host.rpc.request('call.info', { call: this.id, screen: true });
            this.local.setScreen({ track, own: !options.track });
            await this.talks.send(track);
        } catch (error) {
            if (!options.track) track.stop();
            this.local.setScreen(undefined);
            this.host.rpc.tell('call.info', { call: this.id, screen: false });
            throw error;
        }
        this.emit('sharing', true);
        return track;
    }

    /** The camera is sent again if it was before. */
    stopShare(): Promise<void> {
        return this.unshared();
    }

    /** Other devices, by their `id`: microphone, camera, and the speaker that attached elements play through. */
    async useDevice({ audio, video, output }: { audio?: string; video?: string; output?: string }): Promise<void> {
        const exactly = (id: string) => ({ deviceId: { exact: id } });
        if (audio !== undefined) await this.talks.send(await this.local.openMicrophone(exactly(audio)));
        if (video !== undefined) await this.addVideo({ video: exactly(video) });
        if (output !== undefined) await this.players.through(output);
    }

    /** A picture of what the other side, or this one, sends now. */
    async snapshot(options: { of?: 'remote' | 'local'; type?: string } = {}): Promise<Blob> {
        const { of = 'remote', type = 'image/png' } = options;
        const track = of === 'local' ? this.local.picture : this.remoteStream?.getVideoTracks()[0];
        if (!track) throw new CausewayError('media-missing', 'there is no video');
        return snapshot(track, type);
    }

    /** Plays the other side through an `<audio>` or `<video>` of the page until the call ends. */
    async attach(element: HTMLMediaElement): Promise<void> {
        if (!this.over) await this.players.add(element, this.remoteStream);
    }

    /** @internal */
    static async start(host: CallHost, to: string, options: CallOptions): Promise<Call> {
        requireWebRtc();
        const call = new Call(host, 'outgoing', newId(), { uri: to }, to);
        await call.dial(options);
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
        call.comes(from);
        return call;
    }

    /** @internal A call that was there before the page. */
    static restored(host: CallHost, row: CallRow): Call {
        const call = new Call(host, row.direction, row.call, row.peer, row.peer.uri, row);
        host.calls.set(call.id, call);
        return call;
    }

    /** @internal */
    static async pulled(host: CallHost, row: CallRow, options: MediaOptions): Promise<Call> {
        requireWebRtc();
        const call = new Call(host, row.direction, newId(), row.peer, row.peer.uri, row);
        await call.pull(options);
        return call;
    }

    /* What is said while the connection is lost is said when it is back. */
    private async leave(sent: Promise<unknown>, reason: string) {
        const told = sent.catch((error: CausewayError) => {
            if (error.kind === 'network' || error.kind === 'timeout') this.host.unsaid(this.id);
        });
        this.finish({ reason, by: 'you' });
        await told;
    }

    private requireActive() {
        if (this.state !== 'active') throw wrongState(this.state);
    }
}
