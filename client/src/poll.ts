import { CausewayError } from './error.js';
import { PATH } from './protocol.js';
import type { Transport } from './transport.js';

/* A proxy that cut the poll off after less than this is not asked again at once. */
const PAUSE_MS = 1000;
const KEEPALIVE_BYTES = 8192; // browsers bound what may outlive a page

/** HTTPS long-polling: requests are POSTs, notifications are what a GET waits for. */
export class PollTransport implements Transport {
    readonly name = 'poll';
    readonly backlog = 0;
    onmessage: (text: string) => void = () => {};
    onclose: (why: CausewayError) => void = () => {};
    open = true;

    private readonly base: string;
    private readonly abort = new AbortController();
    private link = '';
    private after = 0;
    private told: Promise<unknown> = Promise.resolve();

    constructor(socketUrl: string) {
        this.base = socketUrl.replace(/^ws/, 'http').slice(0, -PATH.length) + PATH.replace(/[^/]*$/, '');
    }

    /* What wants no reply keeps its order; requests wait for that, but not for each other. */
    send(text: string) {
        const { id, params } = JSON.parse(text) as { id?: unknown; params?: { last_seq?: number } };
        const first = !this.link;
        if (first) this.after = params?.last_seq ?? 0;
        const sent = this.told.then(() => this.post(first ? 'session' : 'rpc', text));
        if (id === undefined) this.told = sent;
    }

    close(done: boolean) {
        if (!this.open) return;
        if (this.link && done) this.fetch('session', { method: 'DELETE', keepalive: true }).catch(() => {});
        this.stop();
    }

    private async post(path: string, body: string) {
        try {
            const reply = await this.fetch(path, { method: 'POST', body, keepalive: body.length < KEEPALIVE_BYTES });
            if (reply.status === 401) throw new CausewayError('network', 'the gateway does not know this connection');
            const text = await reply.text();
            if (!this.open || reply.status === 204) return;
            if (!this.link) this.opened(text);
            this.onmessage(text);
        } catch (error) {
            this.fail(error);
        }
    }

    private opened(text: string) {
        const { result } = JSON.parse(text) as { result?: { link: string; reset?: boolean; seq?: number } };
        if (!result) return;
        this.link = result.link;
        if (result.reset) this.after = result.seq ?? 0;
        void this.listen();
    }

    private async listen() {
        while (this.open)
            try {
                const reply = await this.fetch(`poll?after=${this.after}`, { signal: this.abort.signal });
                if (reply.status === 401) throw new CausewayError('network', 'the gateway does not know this connection');
                if (reply.status === 200)
                    for (const message of (await reply.json()) as { params: { seq: number } }[]) {
                        if (!this.open) return;
                        this.after = message.params.seq;
                        this.onmessage(JSON.stringify(message));
                    }
                else if (reply.status !== 204) await pause(Number(reply.headers.get('Retry-After')) * 1000 || PAUSE_MS);
            } catch (error) {
                this.fail(error);
            }
    }

    private fetch(path: string, init: RequestInit) {
        return fetch(this.base + path, {
            ...init,
            cache: 'no-store',
            headers: {
                ...(this.link && { Authorization: `Bearer ${this.link}` }),
                ...(init.body ? { 'Content-Type': 'application/json' } : {}),
            },
        });
    }

    private fail(error: unknown) {
        if (!this.open) return;
        this.stop();
        this.onclose(error instanceof CausewayError ? error : new CausewayError('network', 'the gateway cannot be reached'));
    }

    private stop() {
        this.open = false;
        this.abort.abort();
    }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
