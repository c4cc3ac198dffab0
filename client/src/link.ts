import { clientInfo } from './environment.js';
import { CausewayError, withPatience } from './error.js';
import { PollTransport } from './poll.js';
import type { Notifications, Requests, SessionOpen, SessionOpened } from './protocol.js';
import { Rpc } from './rpc.js';
import type { TraceEvent } from './rpc.js';
import { openWebSocket } from './transport.js';
import type { Transport } from './transport.js';
import { version } from './version.js';

export type Resumed = Requests['session.resume']['result'];

export type Way = 'auto' | 'websocket' | 'poll';

export interface LinkOptions {
    transport?: Way | undefined;
    requestTimeout?: number | undefined;
    signal?: AbortSignal | undefined;
    /** Milliseconds until a WebSocket is tried again while long-polling. */
    upgradeInterval?: number | undefined;
}

export interface LinkOps {
    notify<N extends keyof Notifications>(method: N, params: Notifications[N]): void;
    trace(event: TraceEvent): void;
    warn(text: string): void;
    /** The connection is lost, `attempt` to get it back begins in so many milliseconds. */
    trying(attempt: { attempt: number; delayMs: number; error: CausewayError }): void;
    resumed(result: Resumed): void;
    over(why: CausewayError): void;
}

/** What the gateway gave a session, by which another connection takes it up. */
export interface Ticket {
    session: string;
    token: string;
    last_seq?: number;
}

const CONNECT_MS = 10_000;
const SOCKET_MS = 3_000; // a WebSocket that takes longer to open may be blocked
const PING_REPLY_MS = 5_000; // browsers tell nothing when the network is silently gone
const CHECK_MS = 2_000;
const DOUBT_MS = 500;
const BACKOFF_MS = 250;
const BACKOFF_MAX_MS = 2_000;
const ATTEMPT_MS = 2_000; // longer each time: a SYN into a dead network is not worth waiting for
const UPGRADE_MS = 10_000;
const FINAL = ['closed', 'auth', 'replaced', 'session-gone', 'forbidden', 'token-expired'];

/** A session's connection, and the next one when it is lost. */
export class Link {
    rpc!: Rpc;
    private seq = 0;

    private ticket: Ticket | undefined;
    private ttl = 0;
    private ping = { interval_ms: 0, timeout_ms: 0 };
    private down = false;
    private resuming: Rpc | undefined;
    private over = false;
    private hurry = () => {};
    private pinger: ReturnType<typeof setTimeout> | undefined;
    private upgrader: ReturnType<typeof setTimeout> | undefined;
    private patience: ReturnType<typeof setTimeout> | undefined;

    constructor(
        private readonly url: string,
        private readonly options: LinkOptions,
        private readonly ops: LinkOps,
    ) {}

    /** The session can be taken up by another connection. */
    get resumable(): Ticket | undefined {
        return this.ticket;
    }
    get transport(): Transport['name'] {
        return this.rpc.transport.name;
    }

    async open(login: SessionOpen): Promise<SessionOpened> {
        this.seq = 0;
        const client = clientInfo(`causeway.js ${version}`);
        return this.begin((rpc, wait) => rpc.request('session.open', { ...login, client }, wait));
    }

    /** Takes up the session of a page that was here before. */
    async reopen(ticket: Ticket): Promise<Resumed> {
        const result = await this.begin((rpc, wait) => rpc.request('session.resume', ticket, wait));
        this.seq = result.seq;
        return result;
    }

    /** Is it still there? Sooner known than by the next ping. */
    check(): void {
        if (this.down) return this.hurry();
        const { rpc } = this;
        let there = false;
        void this.probe(CHECK_MS).then((known) => (there = known));
        // No need to wait for the end of that where another connection is to be had.
        setTimeout(() => {
            if (!there && rpc === this.rpc && this.ttl && !this.down && !this.over) void this.change(() => !there && rpc === this.rpc);
        }, DOUBT_MS);
    }

    close(why: CausewayError): void {
        this.finish();
        this.rpc.close(why);
    }

    private async begin<R extends SessionOpened>(
        ask: (rpc: Rpc, wait: { signal?: AbortSignal }) => Promise<R>,
    ): Promise<R> {
        const { signal, requestTimeout } = this.options;
        this.over = false;
        const transport = await this.connect(this.options.transport ?? 'auto', requestTimeout ?? CONNECT_MS, signal);
        this.rpc = this.speak(transport);
        try {
            const result = await ask(this.rpc, signal ? { signal } : {});
            this.learn(this.rpc, result);
            globalThis.addEventListener?.('online', this.changed);
            globalThis.addEventListener?.('offline', this.changed);
            connection()?.addEventListener('change', this.changed);
            return result;
        } catch (error) {
            this.over = true;
            this.rpc.close(error as CausewayError);
            throw error;
        }
    }

    /* Blocked twice, a WebSocket gives way to long-polling. */
    private async connect(way: Way, timeout: number, signal?: AbortSignal): Promise<Transport> {
        if (way === 'poll') return new PollTransport(this.url);
        const patience = { signal, timeout: way === 'auto' ? Math.min(timeout, SOCKET_MS) : timeout };
        for (let tries = 1; ; tries++)
            try {
                return await withPatience(openWebSocket(this.url), patience, (late) => late.close(false));
            } catch (error) {
                const { kind } = error as CausewayError;
                if (way === 'websocket' || (kind !== 'network' && kind !== 'timeout')) throw error;
                if (tries === 2 || kind === 'timeout') return new PollTransport(this.url);
            }
    }

    private speak(transport: Transport): Rpc {
        const rpc: Rpc = new Rpc(
            transport,
            {
                ...this.ops,
                notify: (method, params) => this.notified(method, params),
                slow: () => {
                    if (rpc === this.rpc && !this.down) this.check();
                },
                closed: (why) => {
                    if (rpc === this.rpc && !this.over && !this.down) void this.lost(why);
                },
            },
            this.options.requestTimeout,
        );
        return rpc;
    }

    private notified<N extends keyof Notifications>(method: N, params: Notifications[N]) {
        const { seq } = params;
        if (this.ttl && seq <= this.seq) return; // told again after a resume
        if (seq !== this.seq + 1) this.ops.warn(`seq ${seq} after ${this.seq}`);
        this.seq = seq;
        this.ops.notify(method, params);
    }

    private learn(rpc: Rpc, result: SessionOpened) {
        const { session, resume, limits } = result;
        this.rpc = rpc;
        this.ttl = resume?.token ? Math.max(resume.ttl_ms, resume.call_ttl_ms) : 0;
        this.ticket = this.ttl ? { session, token: resume!.token! } : undefined;
        this.ping = result.ping;
        rpc.messageBytes = limits.message_bytes;
        this.schedulePing();
        clearTimeout(this.upgrader);
        clearTimeout(this.patience);
        if (this.transport === 'poll' && this.options.transport !== 'poll' && this.ticket)
            this.upgrader = setTimeout(() => void this.upgrade(), this.options.upgradeInterval ?? UPGRADE_MS);
    }

    private async lost(why: CausewayError) {
        clearTimeout(this.pinger);
        clearTimeout(this.upgrader);
        if (!this.ttl || FINAL.includes(why.kind)) return this.end(why);
        this.down = true;
        this.patience = setTimeout(
            () => this.end(new CausewayError('network', 'the connection was lost for too long')),
            this.ttl,
        );
        for (let attempt = 0, error = why; ; attempt++) {
            const most = attempt ? Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (attempt - 1)) : BACKOFF_MS / 2;
            const delayMs = Math.round(most * (0.5 + Math.random() / 2));
            const hurried = new AbortController();
            this.hurry = () => {
                attempt = -1;
                hurried.abort();
            };
            this.ops.trying({ attempt: attempt + 1, delayMs, error });
            await pause(delayMs, hurried.signal);
            if (this.over || !this.down) return;
            try {
                const way = attempt % 2 === 1 ? (this.options.transport ?? 'auto') : this.transport;
                const signal = attempt < 0 ? undefined : hurried.signal;
                const transport = await this.connect(way, ATTEMPT_MS * (1 + attempt / 4), signal);
                if (this.over) return transport.close(false);
                return await this.resume(transport);
            } catch (failed) {
                error = failed as CausewayError;
                if (this.over || !this.down) return;
                if (FINAL.includes(error.kind)) return this.end(error);
            }
        }
    }

    /* A token is for one of these. */
    private async resume(transport: Transport) {
        const rpc = this.speak(transport);
        try {
            if (this.resuming) throw new CausewayError('network', 'another attempt is under way');
            this.resuming = rpc;
            const result = await rpc.request(
                'session.resume',
                { ...this.ticket!, last_seq: this.seq },
                { timeout: PING_REPLY_MS },
            );
            if (this.over) throw new CausewayError('closed', 'the session is closed');
            if (result.reset) this.seq = result.seq;
            const old = this.rpc;
            this.learn(rpc, result);
            this.down = false;
            old.close(new CausewayError('network', 'another connection took over'));
            this.ops.resumed(result);
        } catch (error) {
            rpc.close(error as CausewayError);
            throw error;
        } finally {
            if (this.resuming === rpc) this.resuming = undefined;
        }
    }

    /* While long-polling: is there a WebSocket now? */
    private async upgrade() {
        const { rpc } = this;
        await this.change(() => !this.rpc.busy);
        if (rpc !== this.rpc || this.down || this.over) return;
        this.upgrader = setTimeout(() => void this.upgrade(), this.options.upgradeInterval ?? UPGRADE_MS);
    }

    private async change(wanted: () => boolean) {
        try {
            const way = this.transport === 'poll' && this.options.transport === 'poll' ? 'poll' : 'websocket';
            const transport = await this.connect(way, SOCKET_MS);
            if (this.over || this.down || !wanted()) transport.close(false);
            else await this.resume(transport);
        } catch (error) {
            if (!this.down && FINAL.includes((error as CausewayError).kind)) this.end(error as CausewayError);
        }
    }

    private schedulePing() {
        clearTimeout(this.pinger);
        const { interval_ms, timeout_ms } = this.ping;
        this.pinger = setTimeout(() => void this.probe(Math.min(timeout_ms, PING_REPLY_MS)), interval_ms);
    }

    private probe(timeout: number): Promise<boolean> {
        const { rpc } = this;
        clearTimeout(this.pinger);
        const ack = this.ttl ? { ack: this.seq } : {};
        const mine = () => rpc === this.rpc && !this.down && !this.over;
        return rpc.request('ping', ack, { timeout }).then(
            () => {
                if (mine()) this.schedulePing();
                return true;
            },
            (error: CausewayError) => {
                if (!mine()) return false;
                if (error.kind === 'timeout') rpc.close(new CausewayError('network', 'the gateway went silent'));
                else this.schedulePing();
                return false;
            },
        );
    }

    private readonly changed = () => this.check();

    private end(why: CausewayError) {
        if (this.over) return;
        this.finish();
        this.rpc.close(why);
        this.ops.over(why);
    }

    private finish() {
        this.over = true;
        clearTimeout(this.pinger);
        clearTimeout(this.upgrader);
        clearTimeout(this.patience);
        this.hurry();
        globalThis.removeEventListener?.('online', this.changed);
        globalThis.removeEventListener?.('offline', this.changed);
        connection()?.removeEventListener('change', this.changed);
    }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
        });
    });
}

function connection(): EventTarget | undefined {
    return (globalThis.navigator as (Navigator & { connection?: EventTarget }) | undefined)?.connection;
}
