import { wrongState } from './call-types.js';
import type { CallHost } from './call-types.js';
import { CausewayError } from './error.js';
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
    private flow: Pictures = { local: false, remote: false };
    private early: Notifications['call.candidate'][] = []; // ahead of the description they are of
    private steps: Promise<void> = Promise.resolve();
    private over = false;

    constructor(
        private readonly host: CallHost,
        private readonly call: string,
        private readonly ops: NegotiationOps,
    ) {}

    get pc(): RTCPeerConnection | undefined {
        return this.peer?.pc;
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

    offer(local: MediaStream): Promise<string> {
        return this.open().offer(local);
    }

    async answer(offer: string, local: MediaStream): Promise<string> {
        const peer = this.open();
        const sdp = await peer.answer(offer, local);
        for (const candidate of this.early.splice(0)) await peer.addCandidate(candidate);
        return sdp;
    }

    /** The gateway's answer to our first offer. */
    async accept(sdp: string): Promise<void> {
        await this.peer?.accept(sdp);
    }

    /** The gateway offers in the call. */
    async offered(sdp: string): Promise<void> {
        if (!this.peer) return;
        const answer = await this.peer.answerAgain(sdp);
        await this.host.rpc.request('call.answer', { call: this.call, sdp: answer });
        this.tellPictures();
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
        return (this.peer = new Peer(this.host.rtc, this.ops));
    }

    private async reoffer(restart: boolean, prepare?: (peer: Peer) => Promise<void>) {
        const { peer } = this;
        if (!peer || this.over) throw wrongState(this.over ? 'ended' : 'ringing');
        await prepare?.(peer);
        const offer = await peer.offerAgain(restart);
        try {
            const { sdp } = await this.host.rpc.request('call.update', { call: this.call, sdp: offer });
            await peer.accept(sdp);
        } catch (error) {
            if (!this.over) await peer.withdraw();
            throw error;
        }
        this.tellPictures();
    }

    private tellPictures() {
        const flow = this.peer?.pictures() ?? { local: false, remote: false };
        if (flow.local === this.flow.local && flow.remote === this.flow.remote) return;
        this.flow = flow;
        this.ops.pictures(flow);
    }
}
