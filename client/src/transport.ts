import { CausewayError } from './error.js';
import type { Kind } from './error.js';
import { PATH, SUBPROTOCOL } from './protocol.js';

/** One way of carrying JSON texts to the gateway and back. It never queues while it is not open. */
export interface Transport {
    readonly name: 'websocket' | 'poll';
    readonly open: boolean;
    /** Bytes handed over but not yet sent. */
    readonly backlog: number;
    send(text: string): void;
    /** `done`: the session is over; else another connection may take it up. */
    close(done: boolean): void;
    onmessage: (text: string) => void;
    /** The last thing it calls, at most once. */
    onclose: (why: CausewayError) => void;
}

/* As proto.def has them. */
const closeKinds: Record<number, [kind: Kind, text: string]> = {
    1000: ['closed', 'the session is closed'],
    1001: ['network', 'the gateway shuts down'],
    1009: ['too-large', 'a message was larger than the gateway takes'],
    1013: ['overload', 'the gateway is at its limit'],
    4401: ['auth', 'log-in refused'],
    4408: ['timeout', 'the gateway heard nothing from this page'],
    4409: ['replaced', 'another page has taken the session over'],
    4429: ['rate', 'too many messages'],
};

/** Any of http:, https:, ws:, wss:, or relative to the page; without a path, the usual one. */
export function socketUrl(url: string | URL): string {
    const base = typeof location === 'undefined' ? undefined : location.href;
    let at: URL;
    try {
        at = new URL(url, base);
    } catch {
        throw new CausewayError('bad-params', `not a URL: ${url}`);
    }
    at.protocol = at.protocol.replace(/^http/, 'ws');
    if (!/^wss?:$/.test(at.protocol)) throw new CausewayError('bad-params', `not a URL: ${url}`);
    if (!at.pathname.endsWith(PATH)) at.pathname = PATH;
    at.search = at.hash = '';
    return at.href;
}

class WebSocketTransport implements Transport {
    readonly name = 'websocket';
    onmessage: (text: string) => void = () => {};
    onclose: (why: CausewayError) => void = () => {};

    constructor(private readonly socket: WebSocket) {
        socket.onmessage = (event: MessageEvent<unknown>) => {
            if (typeof event.data === 'string') this.onmessage(event.data);
        };
        socket.onclose = (event) => {
            const [kind, text] = closeKinds[event.code] ?? ['network', 'the connection is lost'];
            this.onclose(new CausewayError(kind, event.reason || text));
        };
    }
    get open() {
        return this.socket.readyState === 1;
    }
    get backlog() {
        return this.socket.bufferedAmount;
    }
    send(text: string) {
        this.socket.send(text);
    }
    close(done: boolean) {
        this.socket.close(done ? 1000 : 4000);
    }
}

export function openWebSocket(url: string): Promise<Transport> {
    return new Promise((resolve, reject) => {
        if (typeof WebSocket === 'undefined')
            throw new CausewayError('unsupported', 'no WebSocket here');
        const socket = new WebSocket(url, SUBPROTOCOL);
        const transport = new WebSocketTransport(socket);
        socket.onopen = () => resolve(transport);
        transport.onclose = (why) =>
            reject(
                why.kind === 'network'
                    ? new CausewayError('network', 'the gateway cannot be reached')
                    : why,
            );
    });
}
