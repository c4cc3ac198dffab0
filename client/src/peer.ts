import type { Bitrates } from './media.js';
import type { CallCandidate, GatewayCandidate } from './protocol.js';

export type Candidate = Omit<CallCandidate, 'call'>;

export interface PeerOps {
    track(track: MediaStreamTrack, stream: MediaStream): void;
    connection(state: RTCPeerConnectionState): void;
}

/** The RTCPeerConnection of a call. Candidates wait in it until the gateway knows the call. */
export class Peer {
    readonly pc: RTCPeerConnection;
    /** All that the other side sends. */
    readonly remote = new MediaStream();
    /** Of the gateway's candidates, only these are used. */
    only: 'udp' | 'tcp' | undefined;
    private waiting: Candidate[] = [];
    private send: ((candidate: Candidate) => void) | undefined;

    constructor(config: RTCConfiguration, ops: PeerOps) {
        this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', ...config });
        this.pc.onicecandidate = ({ candidate }) => this.gathered(candidate);
        this.pc.onconnectionstatechange = () => ops.connection(this.pc.connectionState);
        this.pc.ontrack = ({ track }) => {
            this.remote.addTrack(track);
            ops.track(track, this.remote);
        };
    }

    /** `video`: the other side sends it. */
    async offer(local: MediaStream, video = false): Promise<string> {
        this.addTracks(local);
        if (!local.getAudioTracks().length)
            this.pc.addTransceiver('audio', { direction: 'recvonly' });
        if (video) this.pc.addTransceiver('video', { direction: 'recvonly' });
        return this.describe(await this.pc.createOffer());
    }

    async answer(offer: string, local: MediaStream): Promise<string> {
        await this.pc.setRemoteDescription({ type: 'offer', sdp: offer });
        this.addTracks(local);
        return this.describe(await this.pc.createAnswer());
    }

    async offerAgain(restart: boolean): Promise<string> {
        return this.describe(await this.pc.createOffer(restart ? { iceRestart: true } : {}));
    }

    /** The gateway offers in the call. */
    async answerAgain(offer: string): Promise<string> {
        await this.pc.setRemoteDescription({ type: 'offer', sdp: offer });
        const answer = await this.describe(await this.pc.createAnswer());
        this.follow();
        return answer;
    }

    /** Our offer was not taken: as before it. */
    async withdraw(): Promise<void> {
        if (this.pc.signalingState === 'have-local-offer')
            await this.pc.setLocalDescription({ type: 'rollback' });
        for (const unborn of this.pc.getTransceivers().filter(({ mid }) => mid === null)) unborn.stop();
    }

    /** Sends `track` in the place of what was sent; false: it must be offered first. */
    async replace(track: MediaStreamTrack): Promise<boolean> {
        const sending = this.section(track.kind);
        if (!sending?.currentDirection?.includes('send')) return false;
        await sending.sender.replaceTrack(track);
        return true;
    }

    /** Sends `track`, in the section that the other side's has if there is one. */
    async add(track: MediaStreamTrack): Promise<void> {
        const free = this.section(track.kind);
        if (!free) {
            this.pc.addTransceiver(track, { direction: 'sendrecv' });
            return;
        }
        await free.sender.replaceTrack(track);
        free.direction = 'sendrecv';
    }

    async stopVideo(): Promise<void> {
        const sending = this.section('video');
        if (!sending) return;
        await sending.sender.replaceTrack(null);
        if (sending.currentDirection?.includes('recv')) sending.direction = 'recvonly';
        else sending.stop();
    }

    /** What is sent is bounded, as far as the browser lets it. */
    async limit(most: Bitrates): Promise<void> {
        for (const { sender } of this.pc.getTransceivers()) {
            const bits = most[sender.track?.kind as keyof Bitrates];
            const parameters = bits === undefined ? undefined : sender.getParameters();
            if (!parameters?.encodings?.[0]) continue;
            if (bits === Infinity) delete parameters.encodings[0].maxBitrate;
            else parameters.encodings[0].maxBitrate = bits!;
            await sender.setParameters(parameters).catch(() => {});
        }
    }

    /** Does video flow from here, and from there? */
    pictures(): { local: boolean; remote: boolean } {
        const flows = (way: string) =>
            this.pc
                .getTransceivers()
                .some(({ receiver, currentDirection }) =>
                    receiver.track.kind === 'video' && !!currentDirection?.includes(way));
        return { local: flows('send'), remote: flows('recv') };
    }

    private section(kind: string): RTCRtpTransceiver | undefined {
        return this.pc
            .getTransceivers()
            .find(({ receiver, currentDirection, direction }) =>
                receiver.track.kind === kind && currentDirection !== 'stopped' && direction !== 'stopped');
    }

    /* A stream the other side sends no longer goes; `ontrack` tells when it comes. */
    private follow() {
        const coming = this.pc
            .getTransceivers()
            .filter(({ currentDirection }) => currentDirection?.includes('recv'))
            .map(({ receiver }) => receiver.track);
        for (const track of this.remote.getVideoTracks())
            if (!coming.includes(track)) this.remote.removeTrack(track);
    }

    /** A second answer to the same offer is none of ours to take (RFC 3264 4). */
    async accept(answer: string): Promise<void> {
        if (this.pc.signalingState !== 'have-local-offer') return;
        const sdp = this.only ? answer.replace(/^a=(candidate:.*)\r\n/gm, (line, candidate: string) => (this.wanted(candidate) ? line : '')) : answer;
        await this.pc.setRemoteDescription({ type: 'answer', sdp });
        this.follow();
    }

    /** One of the gateway's. What a browser cannot use is no reason to end a call: another will do. */
    async addCandidate({ candidate, mid }: Pick<GatewayCandidate, 'candidate' | 'mid'>): Promise<void> {
        if (candidate && !this.wanted(candidate)) return;
        const init: RTCIceCandidateInit = { candidate: candidate ?? '' };
        if (mid === undefined) init.sdpMLineIndex = 0;
        else init.sdpMid = mid;
        await this.pc.addIceCandidate(init).catch(() => {});
    }

    /** The gateway knows the call: let candidates flow. */
    release(send: (candidate: Candidate) => void): void {
        this.send = send;
        for (const candidate of this.waiting.splice(0)) send(candidate);
    }

    close(): void {
        const { pc } = this;
        pc.onicecandidate = pc.onconnectionstatechange = pc.ontrack = null;
        pc.close();
    }

    private wanted(candidate: string): boolean {
        return !this.only || candidate.split(' ')[2]?.toLowerCase() === this.only;
    }

    private addTracks(local: MediaStream) {
        for (const track of local.getTracks()) this.pc.addTrack(track, local);
    }

    private async describe(description: RTCSessionDescriptionInit): Promise<string> {
        await this.pc.setLocalDescription(description);
        return this.pc.localDescription?.sdp ?? description.sdp ?? '';
    }

    /* Firefox also sends an empty string when one generation ends (RFC 8838 calls for null only). */
    private gathered(found: RTCIceCandidate | null) {
        if (found?.candidate === '') return;
        const candidate: Candidate = { candidate: found?.candidate ?? null };
        if (found?.sdpMid != null) candidate.mid = found.sdpMid;
        if (found?.sdpMLineIndex != null) candidate.mline = found.sdpMLineIndex;
        if (this.send) this.send(candidate);
        else this.waiting.push(candidate);
    }
}
