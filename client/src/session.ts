import { Call } from './call.js';
import { isAboutCall } from './call-core.js';
import type { CallHost, CallOptions } from './call-types.js';
import { Emitter } from './emitter.js';
import { CausewayError, withPatience } from './error.js';
import { Link } from './link.js';
import type { Resumed, Ticket } from './link.js';
import type { MediaOptions } from './media.js';
import type { IceServer, Notifications, Registration, ServerInfo, SessionOpen, SessionOpened } from './protocol.js';
import type { RequestOptions } from './rpc.js';
import type { ConnectOptions, OtherCall, Sent, SessionEvents, SessionState } from './session-types.js';
import { socketUrl } from './transport.js';

const LOGOUT_MS = 2_000;
const REPORT_MS = 10_000;
const STORED = 'causeway';

/** A log-in at the gateway. Made by connect(). */
export class Session extends Emitter<SessionEvents> {
    /** Resolves when the session is over, with the error if nobody here closed it. */
    readonly closed: Promise<CausewayError | undefined>;

    private now: SessionState = 'connected';
    private opened!: SessionOpened;
    private readonly link: Link;
    private readonly unsaid = new Set<string>(); // calls that ended here and the gateway does not know
    private settleClosed!: (error: CausewayError | undefined) => void;
    private readonly host: CallHost;

    /** @internal */
    constructor(
        url: string,
        private readonly options: ConnectOptions,
    ) {
        super();
        this.closed = new Promise((resolve) => (this.settleClosed = resolve));
        if (options.trace) this.on('trace', options.trace);
        this.link = new Link(url, options, {
            notify: (method, params) => this.notified(method, params),
            trace: (event) => this.emit('trace', event),
            warn: (text) => this.warn(text),
            trying: (attempt) => {
                this.move('reconnecting', attempt.error);
                this.emit('reconnecting', attempt);
            },
            resumed: (result) => this.resumed(result),
            over: (why) => this.shut(why),
        });
        const session = this;
        this.host = {
            calls: new Map<string, Call>(),
            reportInterval: options.reportInterval ?? REPORT_MS,
            get rpc() {
                return session.link.rpc;
            },
            get rtc() {
                return { iceServers: session.iceServers, ...options.rtc };
            },
            get connected() {
                return session.now === 'connected';
            },
            check: () => this.link.check(),
            again: () => this.again(),
            unsaid: (id) => this.unsaid.add(id),
            warn: (text) => this.warn(text),
        };
    }

    get state(): SessionState {
        return this.now;
    }
    /** How the gateway is reached now. */
    get transport(): 'websocket' | 'poll' {
        return this.link.transport;
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
        this.requireOpen();
        return Call.start(this.host, to, options);
    }

    /** Your calls on other devices and pages. */
    async otherCalls(options: RequestOptions = {}): Promise<OtherCall[]> {
        return (await this.link.rpc.request('session.calls', {}, options)).calls;
    }

    /** Takes a call over from another device or page of yours; the other side does not notice. */
    async pull(which: string | OtherCall, options: MediaOptions = {}): Promise<Call> {
        this.requireOpen();
        const row = typeof which === 'string' ? (await this.otherCalls()).find(({ id }) => id === which) : which;
        if (!row) throw new CausewayError('no-call', 'no such call on another device');
        return Call.pulled(this.host, row, options);
    }

    /** Sends a text to a user of the gateway. Resolves when it is delivered; `id` makes a repetition harmless. */
    async send(to: string, text: string, options: RequestOptions & { id?: string } = {}): Promise<Sent> {
        const { id } = options;
        return this.link.rpc.request('im.send', { to, body: text, ...(id && { id }) }, options);
    }

    /** Sends JSON to the pages of a user. */
    async data(to: string, body: unknown, options: RequestOptions & { id?: string; event?: string } = {}): Promise<Sent> {
        const { id, event } = options;
        return this.link.rpc.request('data.send', { to, body, ...(id && { id }), ...(event && { event }) }, options);
    }

    /** Lets the gateway wake this browser by Web Push, or an app by its push token, when somebody calls meanwhile. */
    async registerPush(subscription: PushSubscription | (PushSubscriptionJSON & { kind?: string }), options: RequestOptions = {}): Promise<void> {
        const { kind = 'web', endpoint, keys }: PushSubscriptionJSON & { kind?: string } = 'toJSON' in subscription ? subscription.toJSON() : subscription;
        await this.link.rpc.request('push.register', { kind, endpoint: endpoint!, ...(keys && { keys }) }, options);
    }

    async unregisterPush(endpoint: string, options: RequestOptions = {}): Promise<void> {
        await this.link.rpc.request('push.unregister', { endpoint }, options);
    }

    /** Hangs up everything and logs out. Never rejects. */
    async close(): Promise<void> {
        if (this.now === 'closed') return;
        const hangups = this.calls
            .filter((call) => !call.comesIn)
            .map((call) => call.hangup());
        await Promise.all([
            ...hangups,
            this.link.rpc.request('session.close', {}, { timeout: LOGOUT_MS }).catch(() => {}),
        ]);
        this.leaveWith('the session is closed');
    }

    /** @internal */
    async open(login: () => Promise<SessionOpen>): Promise<void> {
        const known = this.recall();
        if (known)
            try {
                const result = await this.link.reopen(known);
                this.begin(result);
                // After connect() resolved: the page has listeners then.
                setTimeout(() => this.restore(result), 0);
                return;
            } catch (error) {
                if ((error as CausewayError).kind !== 'session-gone') throw error;
            }
        this.begin(await this.link.open(await login()));
    }

    private begin(opened: SessionOpened) {
        this.opened = opened;
        globalThis.addEventListener?.('pagehide', this.leave);
    }

    private notified<N extends keyof Notifications>(method: N, params: Notifications[N]) {
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
        } else if (method === 'im.message') {
            const { from, id, type, body, ts_ms } = params as Notifications['im.message'];
            this.emit('message', { from, id, type, text: body, time: ts_ms });
        } else if (method === 'data.message') {
            const { seq: _, call, ...data } = params as Notifications['data.message'];
            const about = call === undefined ? undefined : this.host.calls.get(call);
            if (about) about.emit('data', data);
            else this.emit('data', data);
        } else if (method === 'session.closing') {
            this.emit('closing', { reason: (params as Notifications['session.closing']).reason });
        } else this.warn(`unknown notification ${method}`);
    }

    private resumed(result: Resumed) {
        this.opened = { ...this.opened, ...result };
        for (const call of this.unsaid) this.host.rpc.tell('call.end', { call });
        this.move('connected');
        this.emit('reconnected', { transport: this.transport, reset: !!result.reset });
        this.restore(result);
        this.unsaid.clear();
    }

    /* What the gateway says of the calls is what they are. */
    private restore({ state }: Resumed) {
        const rows = new Map(state?.calls.map((row) => [row.call, row]));
        if (state)
            for (const call of this.calls)
                if (!rows.delete(call.id) && !call.starting)
                    call.finish({ reason: 'network', by: 'gateway', text: 'ended while the connection was lost' });
        for (const row of rows.values()) {
            if (this.unsaid.has(row.call) || (row.direction === 'incoming' && row.state !== 'active')) continue;
            const call = Call.restored(this.host, row);
            this.emit('call', call);
        }
        for (const call of this.calls) call.resumedLink(this.options.resumeMedia ?? {});
    }

    private again(): Promise<void> {
        if (this.now === 'connected') return Promise.resolve();
        return new Promise((resolve, reject) => {
            const off = this.on('state', ({ state, error }) => {
                if (state === 'reconnecting') return;
                off();
                if (state === 'connected') resolve();
                else reject(error);
            });
        });
    }

    private move(to: SessionState, error?: CausewayError) {
        if (this.now === to || this.now === 'closed') return;
        this.now = to;
        this.emit('state', { state: to, ...(error && { error }) });
    }

    private shut(why: CausewayError) {
        if (this.now === 'closed') return;
        globalThis.removeEventListener?.('pagehide', this.leave);
        const error = why.kind === 'closed' ? undefined : why;
        this.move('closed', error);
        for (const call of this.calls) call.lost(why);
        this.settleClosed(error);
        this.emit('ended', { reason: why.kind, ...(error && { error }) });
    }

    private leaveWith(text: string) {
        const why = new CausewayError('closed', text);
        this.link.close(why);
        this.shut(why);
    }

    /* The page goes away: what is said now still goes out, but no reply will be heard. */
    private readonly leave = () => {
        const ticket = this.link.resumable;
        if (this.storage && ticket) {
            this.storage.setItem(STORED, JSON.stringify({ ...ticket, guest: this.options.guest }));
            return;
        }
        for (const call of this.calls) if (!call.comesIn) this.host.rpc.tell('call.end', { call: call.id });
        this.host.rpc.tell('session.close', {});
        this.leaveWith('the page is gone');
    };

    private get storage() {
        const { storage } = this.options;
        return storage === true ? sessionStorage : storage || undefined;
    }

    /* Kept only while a page is changed for the next: a duplicate of the page must not take the session over. */
    private recall(): Ticket | undefined {
        const text = this.storage?.getItem(STORED);
        this.storage?.removeItem(STORED);
        try {
            const { session, token, guest } = JSON.parse(text!) as Ticket & { guest?: string };
            return guest === this.options.guest ? { session, token } : undefined;
        } catch {
            return undefined;
        }
    }

    private requireOpen() {
        if (this.now === 'closed') throw new CausewayError('closed', 'the session is closed');
    }

    private warn(text: string) {
        this.options.logger?.warn(`causeway: ${text}`);
    }
}

/** Logs in. `url` is the gateway's, `/` or '' when it served the page. */
export async function connect(url: string | URL, options: ConnectOptions): Promise<Session> {
    const { token, getToken, guest, signal } = options;
    if ([token, getToken, guest].filter((each) => each !== undefined).length !== 1)
        throw new CausewayError('bad-params', 'give one of token, getToken and guest');
    const session = new Session(socketUrl(url || '/'), options);
    await session.open(async () =>
        guest !== undefined
            ? { guest }
            : { token: token ?? (await withPatience(Promise.resolve(getToken!()), { signal }, () => {})) },
    );
    return session;
}
