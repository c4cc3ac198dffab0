export interface RecoveryOps {
    /** The session's connection is there: a repair can be asked for. */
    readonly connected: boolean;
    lost(): void;
    back(): void;
    repair(): Promise<void>;
    giveUp(): void;
}

const PATIENCE_MS = 2_000; // a path that is back by itself needs no repair
const LIMIT_MS = 20_000;

/** Brings a call's media path back when it breaks. */
export class Recovery {
    private up = false;
    private away = false;
    private timer: ReturnType<typeof setTimeout> | undefined;
    private limit: ReturnType<typeof setTimeout> | undefined;

    constructor(private readonly ops: RecoveryOps) {}

    state(state: RTCPeerConnectionState): void {
        if (state === 'connected') {
            this.up = true;
            this.stop();
            if (this.away) this.ops.back();
            this.away = false;
        } else if (state === 'disconnected' || state === 'failed') {
            if (!this.up) return state === 'failed' ? this.ops.giveUp() : undefined;
            if (!this.away) this.ops.lost();
            this.away = true;
            if (state === 'failed') this.repair();
            else this.timer ??= setTimeout(() => this.repair(), PATIENCE_MS);
        }
    }

    /** A new path now; while the session is without its connection, its return calls again. */
    repair(): void {
        clearTimeout(this.timer);
        this.timer = undefined;
        if (!this.ops.connected) return;
        if (this.away)
            this.limit ??= setTimeout(() => {
                this.limit = undefined;
                if (this.ops.connected) this.ops.giveUp();
            }, LIMIT_MS);
        this.ops.repair().catch(() => {});
    }

    stop(): void {
        clearTimeout(this.timer);
        clearTimeout(this.limit);
        this.timer = this.limit = undefined;
    }
}
