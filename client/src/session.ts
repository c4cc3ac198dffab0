import { Call, isAboutCall } from './call.js';
import type { CallHost, CallOptions } from './call-types.js';
import { Emitter } from './emitter.js';
import { clientInfo } from './environment.js';
import { CausewayError, withPatience } from './error.js';
import type { IceServer, Notifications, Registration, ServerInfo, SessionOpen, SessionOpened } from './protocol.js';
import { Rpc } from './rpc.js';
import type { TraceEvent } from './rpc.js';
import { openWebSocket, socketUrl } from './transport.js';
import type { Transport } from './transport.js';
import { version } from './version.js';

export type SessionState = 'connected' | 'closed';

export interface SessionEvents {
    /** `error` says why a session is closed that nobody here closed. */
    state: { state: SessionState; error?: CausewayError };
    /** Somebody calls: answer() or reject() it. */
    call: Call;
    /** Your registration in the telephone network became another. */
    registration: Registration;
    /** The gateway is about to close the session. */
    closing: { reason: string };
    trace: TraceEvent;
}

export interface ConnectOptions {
    /** Exactly one of the three: a log-in token, how to get one, or a guest's name. */
    token?: string;
    getToken?: () => string | Promise<string>;
    guest?: string;
    /** For RTCPeerConnection; iceServers here replace the gateway's. */
    rtc?: RTCConfiguration;
    /** Milliseconds a request may take, connecting included; 10 s when not given. */
    requestTimeout?: number;
    /** Milliseconds between what a call's browser measured is told to the gateway; 10 s when not given, 0: never. */
    reportInterval?: number;
    signal?: AbortSignal;
    /** Sees every frame from the first on; later listeners use the session's `trace` event. */
    trace?: (event: TraceEvent) => void;
    logger?: Pick<Console, 'warn'>;
}

const PING_REPLY_MS = 5_000; // browsers tell nothing when the network is silently gone
const LOGOUT_MS = 2_000;
const REPORT_MS = 10_000;

/** A log-in at the gateway. Made by connect(). */
export class Session extends Emitter<SessionEvents> {
    /** Resolves when the session is over, with the error if nobody here closed it. */
    readonly closed: Promise<CausewayError | undefined>;

    private now: SessionState = 'connected';
    private opened!: SessionOpened;
    private rpc!: Rpc;
    private seq = 0;
    private pinger: ReturnType<typeof setTimeout> | undefined;
    private settleClosed!: (error: CausewayError | undefined) => void;
    private readonly host: CallHost;

    /** @internal */
    constructor(private readonly options: ConnectOptions) {
        super();
        this.closed = new Promise((resolve) => (this.settleClosed = resolve));
        if (options.trace) this.on('trace', options.trace);
        const session = this;
        this.host = {
            calls: new Map<string, Call>(),
            reportInterval: options.reportInterval ?? REPORT_MS,
            get rpc() {
                return session.rpc;
            },
            get rtc() {
                return { iceServers: session.iceServers, ...options.rtc };
            },
            warn: (text) => this.warn(text),
        };
    }

    get state(): SessionState {
        return this.now;
    }
    /** The gateway's id of the session, as its logs and `causewayctl` show it. */
    get id(): string {
        return this.opened.session;
    }
    /** Who the gateway says you are. */
    get user(): string {
        return this.opened.user;
    }
    /** Your name for people; may be empty. */
    get display(): string {
        return this.opened.display;
    }
    /** How the gateway has registered you in the telephone network. */
    get registration(): Registration {
        return this.opened.registration;
    }
    get server(): ServerInfo {
        return this.opened.server;
    }
    get iceServers(): IceServer[] {
        return this.opened.iceServers;
    }
    /** Calls that have not ended. */
    get calls(): Call[] {
        return [...this.host.calls.values()];
    }

    /**
     * Calls `to`: `echo`, `tone`, a number, `user:NAME`, `sip:user@host`. Resolves when the gateway
     * has taken the call on (`await call.answered` for the other side) and rejects when it has not.
     * `options.signal` cancels until the answer.
     */
    async call(to: string, options: CallOptions = {}): Promise<Call> {
        if (this.now === 'closed') throw new CausewayError('closed', 'the session is closed');
        return Call.start(this.host, to, options);
    }

    /** Hangs up everything and logs out. Never rejects. */
    async close(): Promise<void> {
        if (this.now === 'closed') return;
        const hangups = this.calls
            .filter((call) => !(call.direction === 'incoming' && call.state === 'ringing'))
            .map((call) => call.hangup());
        await Promise.all([
            ...hangups,
            this.rpc.request('session.close', {}, { timeout: LOGOUT_MS }).catch(() => {}),
        ]);
        this.rpc.close(new CausewayError('closed', 'the session is closed'));
    }

    /** @internal */
    async open(transport: Transport, login: SessionOpen): Promise<void> {
        this.rpc = new Rpc(
            transport,
            {
                notify: (method, params) => this.notified(method, params),
                trace: (event) => this.emit('trace', event),
                warn: (text) => this.warn(text),
                closed: (why) => this.shut(why),
            },
            this.options.requestTimeout,
        );
        const { signal } = this.options;
        try {
            this.opened = await this.rpc.request(
                'session.open',
                { ...login, client: clientInfo(`causeway.js ${version}`) },
                signal && { signal },
            );
        } catch (error) {
            this.rpc.close(error as CausewayError);
            throw error;
        }
        this.rpc.messageBytes = this.opened.limits.message_bytes;
        this.schedulePing();
        if (typeof addEventListener === 'function') addEventListener('pagehide', this.leave);
    }

    private notified<N extends keyof Notifications>(method: N, params: Notifications[N]) {
        if (params.seq !== this.seq + 1) this.warn(`seq ${params.seq} after ${this.seq}`);
        this.seq = params.seq;
        if (isAboutCall(method)) {
            const about = params as Notifications[typeof method];
            this.host.calls.get(about.call)?.notified(method, about);
        } else if (method === 'call.incoming') {
            const call = Call.incoming(this.host, params as Notifications['call.incoming']);
            if (!this.has('call')) this.warn('a call comes in and nobody listens for it');
            this.emit('call', call);
        } else if (method === 'session.registration') {
            const { seq: _, ...registration } = params as Notifications['session.registration'];
            this.opened = { ...this.opened, registration };
            this.emit('registration', registration);
        } else if (method === 'session.closing') {
            this.emit('closing', { reason: (params as Notifications['session.closing']).reason });
        } else this.warn(`unknown notification ${method}`);
    }

    private schedulePing() {
        const { interval_ms, timeout_ms } = this.opened.ping;
        this.pinger = setTimeout(() => {
            const timeout = Math.min(timeout_ms, PING_REPLY_MS);
            this.rpc.request('ping', {}, { timeout }).then(
                () => this.now === 'connected' && this.schedulePing(),
                (error: CausewayError) => {
                    if (error.kind === 'timeout')
                        this.rpc.close(new CausewayError('network', 'the gateway went silent'));
                    else if (this.now === 'connected') this.schedulePing();
                },
            );
        }, interval_ms);
    }

    private shut(why: CausewayError) {
        this.now = 'closed';
        clearTimeout(this.pinger);
        if (typeof removeEventListener === 'function') removeEventListener('pagehide', this.leave);
        const error = why.kind === 'closed' ? undefined : why;
        for (const call of this.calls) call.lost(why);
        this.settleClosed(error);
        this.emit('state', { state: 'closed', ...(error && { error }) });
    }

    /* The page goes away: what is said now still goes out, but no reply will be heard. */
    private readonly leave = () => {
        for (const call of this.calls)
            if (!(call.direction === 'incoming' && call.state === 'ringing'))
                this.rpc.tell('call.end', { call: call.id });
        this.rpc.tell('session.close', {});
        this.rpc.close(new CausewayError('closed', 'the page is gone'));
    };

    private warn(text: string) {
        this.options.logger?.warn(`causeway: ${text}`);
    }
}

/** Logs in. `url` is the gateway's, `/` or '' when it served the page. */
export async function connect(url: string | URL, options: ConnectOptions): Promise<Session> {
    const { token, getToken, guest, signal } = options;
    if ([token, getToken, guest].filter((each) => each !== undefined).length !== 1)
        throw new CausewayError('bad-params', 'give one of token, getToken and guest');
    const target = socketUrl(url || '/');
    const login: SessionOpen =
        guest !== undefined
            ? { guest }
            : { token: token ?? (await withPatience(Promise.resolve(getToken!()), { signal }, () => {})) };
    const transport = await withPatience(
        openWebSocket(target),
        { signal, timeout: options.requestTimeout ?? 10_000 },
        (late) => late.close(),
    );
    const session = new Session(options);
    await session.open(transport, login);
    return session;
}
