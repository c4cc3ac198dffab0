import { wrongState } from './call-types.js';
import type { CallHost } from './call-types.js';
import { CausewayError } from './error.js';
import type { Bitrates } from './media.js';
import { Peer } from './peer.js';
import type { PeerOps } from './peer.js';
import type { Notifications } from './protocol.js';

export interface NegotiationOps extends PeerOps {
    /** Video flows another way than before. */
    pictures(flow: Pictures): void;
}

export interface Pictures {
    local: boolean;
    remote: boolean;
}

/** A call's offers and answers, one after the other, and the connection they are about. */
export class Negotiation {
    private peer: Peer | undefined;
    only: 'udp' | 'tcp' | undefined;
    private flow: Pictures = { local: false, remote: false };
    private early: Notifications['call.candidate'][] = []; // ahead of the description they are of
    private steps: Promise<void> = Promise.resolve();
    private most: Bitrates = {};
    private over = false;

    constructor(
        private readonly host: CallHost,
        private readonly call: string,
        private readonly ops: NegotiationOps,
    ) {}

    get pc(): RTCPeerConnection | undefined {
        return this.peer?.pc;
    }
    /** Described on both sides: it can be described anew. */
    get ready(): boolean {
        return this.pc?.signalingState === 'stable' && !!this.pc.remoteDescription;
    }
    get remote(): MediaStream | undefined {
        return this.peer?.remote;
    }
    get pictures(): Pictures {
        return this.flow;
    }

    /** Steps wait for each other: a description is applied before the next is looked at. */
    step(work: () => Promise<void> | void): Promise<void> {
        const done = this.steps.then(work);
        this.steps = done.catch(() => {});
        return done;
    }

    offer(local: MediaStream, video = false): Promise<string> {
        return this.open().offer(local, video);
    }

    async answer(offer: string, local: MediaStream): Promise<string> {
        const peer = this.open();
        const sdp = await peer.answer(offer, local);
        for (const candidate of this.early.splice(0)) await peer.addCandidate(candidate);
        return sdp;
    }

    /** The gateway's answer to our first offer; none: it comes later. */
    async accept(sdp: string | undefined): Promise<void> {
        if (sdp) await this.peer?.accept(sdp);
        await this.settled();
    }

    /** The gateway offers in the call. */
    async offered(sdp: string): Promise<void> {
        if (!this.peer) return;
        const answer = await this.peer.answerAgain(sdp);
        await this.deliver(answer, {});
        await this.settled();
    }

    /** An answer is told again after a lost connection, for nobody knows whether it came through. */
    async deliver(sdp: string, more: { headers?: Record<string, string> }): Promise<void> {
        const tell = () => this.host.rpc.request('call.answer', { call: this.call, sdp, ...more });
        try {
            await tell();
        } catch (error) {
            if ((error as CausewayError).kind !== 'network' || this.over) throw error;
            await this.host.again();
            await tell().catch((twice: CausewayError) => {
                if (twice.kind !== 'state') throw twice;
            });
        }
    }

    /** Sends `track` from now on, in the place of what was sent if it can be. */
    async send(track: MediaStreamTrack): Promise<void> {
        if (!(await this.peer?.replace(track))) await this.again(false, (peer) => peer.add(track));
        await this.peer?.limit(this.most);
    }

    limit(most: Bitrates): Promise<void> | undefined {
        this.most = { ...this.most, ...most };
        return this.peer?.limit(this.most);
    }

    async candidate(params: Notifications['call.candidate']): Promise<void> {
        if (this.peer?.pc.remoteDescription) await this.peer.addCandidate(params);
        else this.early.push(params);
    }

    /** The gateway knows the call: let candidates flow. */
    release(): void {
        this.peer?.release((candidate) =>
            this.host.rpc.tell('call.candidate', { call: this.call, ...candidate }),
        );
    }

    /*
     * One negotiation at a time. The gateway refuses ours with `state` while an offer of its own waits for
     * our answer: that one was told before the refusal, is answered first, and then ours is made again.
     */
    async again(restart: boolean, prepare?: (peer: Peer) => Promise<void>): Promise<void> {
        for (let tries = 5; ; tries--) {
            try {
                return await this.step(() => this.reoffer(restart, prepare));
            } catch (error) {
                const again = error instanceof CausewayError && error.kind === 'state' && error.code !== 0;
                if (!again || tries === 1 || this.over) throw error;
            }
        }
    }

    close(): void {
        this.over = true;
        this.peer?.close();
    }

    private open(): Peer {
        this.peer?.close();
        this.peer = new Peer(this.host.rtc, this.ops);
        this.peer.only = this.only;
        return this.peer;
    }

    private async reoffer(restart: boolean, prepare?: (peer: Peer) => Promise<void>) {
        const { peer } = this;
        if (!peer || this.over) throw wrongState(this.over ? 'ended' : 'ringing');
        await prepare?.(peer);
        const offer = await peer.offerAgain(restart);
        try {
            const { sdp } = await this.host.rpc.request('call.update', { call: this.call, sdp: offer });
            if (sdp) await peer.accept(sdp);
            await this.settled();
        } catch (error) {
            if (!this.over) await peer.withdraw();
            throw error;
        }
    }

    private async settled() {
        await this.peer?.limit(this.most);
        const flow = this.peer?.pictures() ?? { local: false, remote: false };
        if (flow.local === this.flow.local && flow.remote === this.flow.remote) return;
        this.flow = flow;
        this.ops.pictures(flow);
    }
}
