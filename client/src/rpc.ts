import { CausewayError, aborted } from './error.js';
import type { ErrorInfo, Method, Notifications, Requests } from './protocol.js';
import type { Transport } from './transport.js';

export type Params<M extends Method> = Requests[M]['params'];
export type Result<M extends Method> = Requests[M]['result'];

/** One JSON frame as it went by. Tokens are left out. */
export interface TraceEvent {
    direction: 'in' | 'out';
    /** Milliseconds since the epoch. */
    time: number;
    frame: Readonly<Record<string, unknown>>;
}

export interface RequestOptions {
    /** Milliseconds until it fails with `timeout`; 10 s when not given. */
    timeout?: number;
    signal?: AbortSignal;
}

export interface RpcOps {
    notify<N extends keyof Notifications>(method: N, params: Notifications[N]): void;
    trace(event: TraceEvent): void;
    warn(text: string): void;
    /** A reply keeps us waiting: is the connection still there? */
    slow(): void;
    closed(why: CausewayError): void;
}

interface Reply {
    result?: unknown;
    error?: Partial<ErrorInfo>;
}

const DEADLINE_MS = 10_000;
const SLOW_MS = 2_000;
const BACKLOG_BYTES = 1 << 20;

/** JSON-RPC 2.0 over a transport: pairs replies with requests, and gives each a deadline. */
export class Rpc {
    private nextId = 1;
    private readonly waiting = new Map<number, (reply: Reply | CausewayError) => void>();
    private over: CausewayError | undefined;
    /** The gateway's bound for one message; 0: not known yet. */
    messageBytes = 0;

    constructor(
        readonly transport: Transport,
        private readonly ops: RpcOps,
        private readonly deadline = DEADLINE_MS,
    ) {
        transport.onmessage = (text) => this.receive(text);
        transport.onclose = (why) => this.fail(why);
    }

    /** Replies are waited for. */
    get busy(): boolean {
        return this.waiting.size > 0;
    }

    /** Rejects at once when the connection is not open: nothing is kept to be sent late. */
    request<M extends Method>(
        method: M,
        params: Params<M>,
        options: RequestOptions = {},
    ): Promise<Result<M>> {
        return new Promise((resolve, reject) => {
            if (options.signal?.aborted) throw aborted();
            const id = this.nextId++;
            this.send({ jsonrpc: '2.0', id, method, params });

            const done = (reply: Reply | CausewayError) => {
                this.waiting.delete(id);
                clearTimeout(timer);
                clearTimeout(doubt);
                options.signal?.removeEventListener('abort', stop);
                if (reply instanceof CausewayError) reject(reply);
                else if (reply.error) reject(errorOf(reply.error));
                else resolve((reply.result ?? {}) as Result<M>);
            };
            const stop = () => done(aborted());
            const timer = setTimeout(
                () => done(new CausewayError('timeout', `no reply to ${method} in time`)),
                options.timeout ?? this.deadline,
            );
            const doubt = method === 'ping' ? undefined : setTimeout(() => this.ops.slow(), SLOW_MS);
            options.signal?.addEventListener('abort', stop);
            this.waiting.set(id, done);
        });
    }

    /** A request that wants no reply. Lost without a word when the connection is. */
    tell<M extends Method>(method: M, params: Params<M>): void {
        try {
            this.send({ jsonrpc: '2.0', method, params });
        } catch (error) {
            this.ops.warn(`${method} not sent: ${String(error)}`);
        }
    }

    close(why: CausewayError): void {
        this.fail(why);
        this.transport.close(why.kind === 'closed');
    }

    private send(frame: Record<string, unknown>) {
        if (this.over) throw this.over;
        if (!this.transport.open) throw new CausewayError('network', 'not connected');
        if (this.transport.backlog > BACKLOG_BYTES)
            throw new CausewayError('overload', 'the connection is too slow');
        const text = JSON.stringify(frame);
        if (this.messageBytes && utf8Length(text) > this.messageBytes)
            throw new CausewayError('too-large', 'larger than the gateway takes');
        this.transport.send(text);
        this.ops.trace({ direction: 'out', time: Date.now(), frame: withoutToken(frame) });
    }

    private receive(text: string) {
        let frame: Record<string, unknown>;
        try {
            frame = JSON.parse(text) as Record<string, unknown>;
            if (typeof frame !== 'object' || !frame) throw new SyntaxError('not an object');
        } catch {
            this.ops.warn(`not a JSON object: ${text.slice(0, 80)}`);
            return;
        }
        this.ops.trace({ direction: 'in', time: Date.now(), frame: withoutToken(frame) });
        if (typeof frame.method === 'string') this.asked(frame.method, frame);
        else if (typeof frame.id === 'number') this.waiting.get(frame.id)?.(frame as Reply);
        else this.ops.warn('neither a reply nor a notification');
    }

    private asked(method: string, frame: Record<string, unknown>) {
        if (frame.id === undefined) {
            this.ops.notify(
                method as keyof Notifications,
                (frame.params ?? {}) as Notifications[keyof Notifications],
            );
            return;
        }
        const error = { code: -32601, message: 'no such method' };
        this.send({ jsonrpc: '2.0', id: frame.id, error });
    }

    private fail(why: CausewayError) {
        if (this.over) return;
        this.over = why;
        for (const done of [...this.waiting.values()]) done(why);
        this.ops.closed(why);
    }
}

function errorOf(error: NonNullable<Reply['error']>): CausewayError {
    const kind = error.data?.kind ?? 'internal';
    return new CausewayError(kind, error.message ?? kind, error.code, error.data);
}

/* What opens a session is not for logs. */
function withoutToken(frame: Record<string, unknown>): Record<string, unknown> {
    const copy: Record<string, unknown> = { ...frame };
    for (const part of ['params', 'result'])
        for (const name of ['token', 'resume', 'link']) {
            const members = copy[part] as Record<string, unknown> | undefined;
            if (members?.[name] !== undefined) copy[part] = { ...members, [name]: '…' };
        }
    return copy;
}

function utf8Length(text: string): number {
    return new TextEncoder().encode(text).length;
}
