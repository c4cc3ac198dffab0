// What the library needs of a browser, played by hand: a WebSocket whose other end is the test,
// an RTCPeerConnection that only keeps book, and a microphone.

import { EventEmitter, once } from 'node:events';
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto; // Node 18, which is Debian's, has it only there

/** setTimeout under the test's hand. Node's own mock differs from 18 to 20. */
export const clock = {
    real: null,
    stop() {
        this.real ??= { setTimeout, clearTimeout };
        this.now = 0;
        this.timers = new Map();
        globalThis.setTimeout = (fn, ms = 0, ...args) => {
            const id = Symbol('timer');
            this.timers.set(id, { at: this.now + ms, run: () => fn(...args) });
            return id;
        };
        globalThis.clearTimeout = (id) => (typeof id === 'symbol' ? this.timers.delete(id) : this.real.clearTimeout(id));
    },
    tick(ms) {
        const end = this.now + ms;
        for (;;) {
            const due = [...this.timers].filter(([, t]) => t.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
            if (!due) break;
            this.timers.delete(due[0]);
            this.now = due[1].at;
            due[1].run();
        }
        this.now = end;
    },
    go() {
        if (this.real) Object.assign(globalThis, this.real);
        this.real = null;
    },
};

export class FakeSocket {
    static all = [];
    static created = new EventEmitter();

    constructor(url, protocol) {
        Object.assign(this, { url, protocol, readyState: 0, bufferedAmount: 0, sent: [] });
        this.news = new EventEmitter();
        FakeSocket.all.push(this);
        FakeSocket.created.emit('socket', this);
    }
    send(text) {
        const frame = JSON.parse(text);
        this.sent.push(frame);
        this.news.emit('frame', frame);
    }
    close(code) {
        this.closedWith = code;
        this.drop(code);
    }

    // The gateway's end.
    accept() {
        this.readyState = 1;
        this.onopen?.();
    }
    drop(code = 1006, reason = '') {
        if (this.readyState === 3) return;
        this.readyState = 3;
        this.onclose?.({ code, reason });
    }
    give(frame) {
        this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
    }
    tell(method, params) {
        this.seq = (this.seq ?? 0) + 1;
        this.give({ jsonrpc: '2.0', method, params: { seq: this.seq, ...params } });
    }
    reply(asked, result = {}) {
        this.give({ jsonrpc: '2.0', id: asked.id, result });
    }
    refuse(asked, code, kind, data = {}) {
        this.give({
            jsonrpc: '2.0',
            id: asked.id,
            error: { code, message: `${kind}!`, data: { kind, ...data } },
        });
    }
    /** The next frame of that method not yet taken by the test. */
    async frame(method) {
        for (;;) {
            const at = this.sent.findIndex((each) => each.method === method && !each.taken);
            if (at >= 0) {
                this.sent[at].taken = true;
                return this.sent[at];
            }
            await once(this.news, 'frame');
        }
    }
    methods() {
        return this.sent.map((each) => each.method);
    }
}

export class FakeTrack {
    constructor(kind = 'audio', label = '') {
        Object.assign(this, { kind, label, enabled: true, readyState: 'live', onended: null });
    }
    /** The device goes away. */
    vanish() {
        this.readyState = 'ended';
        this.onended?.(new Event('ended'));
    }
    stop() {
        this.readyState = 'ended';
    }
}

export class FakeStream {
    constructor(tracks = []) {
        this.tracks = [...tracks];
    }
    getTracks() {
        return this.tracks;
    }
    getAudioTracks() {
        return this.tracks.filter(({ kind }) => kind === 'audio');
    }
    getVideoTracks() {
        return this.tracks.filter(({ kind }) => kind === 'video');
    }
    addTrack(track) {
        this.tracks.push(track);
    }
    removeTrack(track) {
        this.tracks = this.tracks.filter((each) => each !== track);
    }
}

function fakeSender(track) {
    const parameters = { encodings: [{}] };
    const sender = {
        track,
        parameters,
        replaceTrack: async (other) => void (sender.track = other),
        getParameters: () => structuredClone(sender.parameters),
        setParameters: async (wanted) => void (sender.parameters = wanted),
    };
    return sender;
}

export class FakePeer {
    static all = [];
    constructor(config) {
        Object.assign(this, { config, senders: [], transceivers: [], signalingState: 'stable' });
        Object.assign(this, { connectionState: 'new', closed: false, offers: 0 });
        FakePeer.all.push(this);
    }
    addTrack(track) {
        this.senders.push(track);
        this.audio ??= { kind: 'audio', currentDirection: null, direction: 'sendrecv', mid: '0', sender: fakeSender(track), receiver: { track: new FakeTrack(track.kind) } };
    }
    addTransceiver(what, init) {
        const track = typeof what === 'string' ? null : what;
        const transceiver = {
            kind: track?.kind ?? what,
            currentDirection: null,
            mid: null,
            ...init,
            sender: fakeSender(track),
            receiver: { track: new FakeTrack(track?.kind ?? what) },
            stop: () => Object.assign(transceiver, { direction: 'stopped', currentDirection: 'stopped' }),
        };
        this.transceivers.push(transceiver);
        return transceiver;
    }
    getTransceivers() {
        return this.audio ? [this.audio, ...this.transceivers] : this.transceivers;
    }
    async createOffer(options) {
        return { type: 'offer', sdp: `offer ${++this.offers}${options?.iceRestart ? ' restart' : ''}` };
    }
    async createAnswer() {
        return { type: 'answer', sdp: 'answer' };
    }
    async setLocalDescription(description) {
        if (description.type === 'rollback') {
            this.signalingState = 'stable';
            return;
        }
        this.localDescription = description;
        this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
    }
    async setRemoteDescription(description) {
        if (description.sdp === 'rubbish') throw new DOMException('no', 'OperationError');
        if (this.audio && description.type === 'answer') this.audio.currentDirection = 'sendrecv';
        this.remoteDescription = description;
        this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
    }
    gather(candidate) {
        const found = { candidate, sdpMid: '0', sdpMLineIndex: 0 };
        this.onicecandidate?.({ candidate: candidate === null ? null : found });
    }
    become(state) {
        this.connectionState = state;
        this.onconnectionstatechange?.();
    }
    async getStats() {
        return new Map([
            ['T', { id: 'T', type: 'transport', selectedCandidatePairId: 'P' }],
            ['P', { id: 'P', type: 'candidate-pair', currentRoundTripTime: 0.012, localCandidateId: 'L', remoteCandidateId: 'R' }],
            ['L', { id: 'L', type: 'local-candidate', address: '192.0.2.7', port: 4000, candidateType: 'host' }],
            ['R', { id: 'R', type: 'remote-candidate', address: '2001:db8::1', port: 7000, candidateType: 'host' }],
            ['I', { id: 'I', type: 'inbound-rtp', kind: 'audio', jitter: 0.003, packetsReceived: 50, packetsLost: 1, bytesReceived: 4000, audioLevel: 0.5, codecId: 'C' }],
            ['O', { id: 'O', type: 'outbound-rtp', kind: 'audio', packetsSent: 60, bytesSent: 5000 }],
            ['C', { id: 'C', type: 'codec', mimeType: 'audio/opus' }],
        ]);
    }
    close() {
        this.closed = true;
    }
}

export const microphone = { refuse: null, opened: [], asked: [] };

/** HTTP by hand: each request waits in `asked` until the test replies. */
export const web = {
    asked: [],
    news: new EventEmitter(),
    fetch(url, init = {}) {
        return new Promise((resolve, reject) => {
            const request = {
                url: String(url), method: init.method ?? 'GET', headers: init.headers, keepalive: !!init.keepalive,
                frame: init.body ? JSON.parse(init.body) : undefined, fail: () => reject(new TypeError('no network')),
                reply: (status, body, headers = {}) => resolve(new Response(body === undefined ? null : JSON.stringify(body), { status, headers })),
            };
            init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
            if (!web.on) return request.fail();
            web.asked.push(request);
            web.news.emit('request', request);
        });
    },
    /** The next request that the test has not taken, of this method and end of the path. */
    async next(method, path) {
        for (;;) {
            const at = web.asked.findIndex((each) => each.method === method && each.url.replace(/\?.*/, '').endsWith(path));
            if (at >= 0) return web.asked.splice(at, 1)[0];
            await once(web.news, 'request');
        }
    },
};

/** Puts the fakes in place of the browser's, fresh. */
export function install() {
    const page = new EventTarget();
    FakeSocket.all.length = FakePeer.all.length = 0;
    FakeSocket.created.removeAllListeners();
    Object.assign(microphone, { refuse: null, opened: [], asked: [] });
    const put = (name, value) =>
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    put('WebSocket', FakeSocket);
    put('fetch', web.fetch);
    Object.assign(web, { asked: [], on: false });
    put('RTCPeerConnection', FakePeer);
    put('MediaStream', FakeStream);
    put('location', { href: 'https://gw.example/phone/' });
    put('addEventListener', page.addEventListener.bind(page));
    put('removeEventListener', page.removeEventListener.bind(page));
    const plugs = new EventTarget();
    put('navigator', {
        userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
        mediaDevices: {
            addEventListener: plugs.addEventListener.bind(plugs),
            async enumerateDevices() {
                return [{ deviceId: 'm1', kind: 'audioinput', label: 'Desk' }, { deviceId: 's1', kind: 'audiooutput', label: '' }];
            },
            async getDisplayMedia(constraints) {
                microphone.asked.push(constraints);
                if (microphone.refuse) throw new DOMException('no', microphone.refuse);
                return new FakeStream([new FakeTrack('video', 'screen')]);
            },
            async getUserMedia(constraints) {
                microphone.asked.push(constraints);
                if (microphone.refuse) throw new DOMException('no', microphone.refuse);
                const stream = new FakeStream([new FakeTrack()]);
                if (constraints.video) stream.tracks = [new FakeTrack('video')];
                microphone.opened.push(stream);
                return stream;
            },
        },
    });
    return {
        put,
        leave: () => page.dispatchEvent(new Event('pagehide')),
        tell: (name) => page.dispatchEvent(new Event(name)),
        plug: () => plugs.dispatchEvent(new Event('devicechange')),
    };
}

export const opened = {
    session: 's1',
    user: 'anna',
    display: 'Anna',
    iceServers: [],
    ping: { interval_ms: 15000, timeout_ms: 45000 },
    limits: { message_bytes: 65536 },
    registration: { state: 'none' },
    server: { name: 'causeway', version: '0.1.0' },
};

/** Connects with `connect` and plays the gateway's side of the log-in. */
export async function logIn(connect, options = { guest: 'anna' }, result = opened) {
    const created = once(FakeSocket.created, 'socket');
    const pending = connect('', options);
    pending.catch(() => {});
    const [socket] = await created;
    socket.accept();
    socket.reply(await socket.frame('session.open'), result);
    return { session: await pending, socket };
}

/** A call as far as the gateway's acceptance of call.start. */
export async function dial(session, socket, to = 'echo', options = {}) {
    const pending = session.call(to, options);
    pending.catch(() => {});
    const start = await socket.frame('call.start');
    socket.reply(start, { call: start.params.call, id: 'gw1' });
    return { call: await pending, id: start.params.call, start, pc: FakePeer.all.at(-1) };
}

/** Ends what a test left open, so that no deadline outlives it. */
export async function hangUpAll() {
    for (const socket of FakeSocket.all) socket.drop();
    await settle();
}

/** Waits for everything that is already on its way. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
