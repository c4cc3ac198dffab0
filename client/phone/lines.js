/**
 * The calls of this page: which one is talked on, which wait, which ring. It touches nothing of the page.
 *
 * Events: `change`; `device` {label}, the microphone vanished; `error` {kind, text, sip}; `ended` {line, end}; `ring` call, one more comes in;
 * `transfer` {line, state}; `gesture`: sound needs a click; `key` digit of the other side; `up` line.
 */
import { Emitter } from './emitter.js';
import { camera, microphone } from './settings.js';

export class Lines extends Emitter {
    session = null;
    /** Calls made or taken that have not ended, oldest first: {call, since, aside, rating, silent, broken, asked}. */
    all = [];
    /** The one that is talked on. */
    current = null;
    /** Calls that ring here, first come first. */
    ringing = [];
    /** A call being placed: {to, stop}. */
    dialling = null;
    /** What ended last, until something else begins: {call, end}. */
    last = null;

    /** Serves this session; calls it has from before a reload are on the line again. */
    open(session) {
        this.session = session;
        session.on('call', (call) => (call.resumed ? this.#resumed(call) : this.#comesIn(call)));
        for (const call of session.calls)
            if (call.direction === 'incoming' && call.state === 'ringing') this.#comesIn(call);
            else this.#resumed(call);
        this.changed();
    }

    /* A call from before the page was loaded anew. Of several, one does not wait. */
    #resumed(call) {
        if (this.all.some((line) => line.call === call)) return;
        const before = this.current;
        const kept = this.kept.find(({ id }) => id === call.gatewayId);
        const line = this.#take(call, kept?.since);
        line.aside = kept?.aside ?? call.held.local;
        if (before && line.aside) this.current = before;
        this.changed();
    }

    /** What another page of this tab has to know of the calls. */
    get state() {
        return this.all.map(({ call, since, aside }) => ({ id: call.gatewayId, since, aside }));
    }
    kept = [];

    close() {
        this.session = null;
        this.dialling = null;
        this.ringing = [];
        this.changed();
    }

    changed() {
        this.emit('change');
    }

    /** The call that the page shows. */
    get call() {
        return this.dialling ? null : (this.current?.call ?? null);
    }

    get busy() {
        return !!this.dialling || this.all.length > 0;
    }

    get others() {
        return this.all.filter((line) => line !== this.current || this.dialling);
    }

    async dial(to, options = {}) {
        if (!to || this.dialling || !this.session) return null;
        const mine = (this.dialling = { to, stop: new AbortController() });
        this.last = null;
        this.changed();
        try {
            await this.#putAside();
            const call = await this.session.call(to, { audio: microphone(), ...options, signal: mine.stop.signal });
            this.dialling = null;
            if (call.state !== 'ended') return this.#take(call);
            const end = await call.ended;
            this.last = { call, end };
            this.emit('ended', { call, end });
            this.#tell(end);
        } catch (error) {
            this.dialling = null;
            this.#notPlaced(to, error);
        }
        this.#bringBack();
        this.changed();
        return null;
    }

    async answer(call, { end = false, video = false } = {}) {
        if (call?.state !== 'ringing') return;
        this.dialling?.stop.abort();
        const before = this.current;
        if (end && before) {
            before.aside = true; // it is not to come back
            void before.call.hangup();
        } else await this.#putAside();
        const line = this.#take(call);
        try {
            await call.answer({ audio: microphone() });
            if (video) await this.addVideo(call);
        } catch (error) {
            if (call.state === 'ringing') this.#drop(line);
            this.fail(error);
        }
        this.changed();
    }

    reject(call) {
        if (call && ['ringing', 'answering'].includes(call.state)) void call.reject().catch((error) => this.fail(error));
    }

    hangUp() {
        if (this.dialling) this.dialling.stop.abort();
        else void this.current?.call.hangup();
    }

    /** Talks on another line; the one until now waits. */
    async swap(line) {
        if (line === this.current || !this.all.includes(line)) return;
        await this.#putAside();
        line.aside = true; // held by whom it may be
        this.#front(line);
    }

    async toggleHold() {
        const line = this.current;
        if (!line) return;
        line.aside = false; // held by hand stays held
        await (line.call.held.local ? line.call.resume() : line.call.hold()).catch((error) => this.fail(error));
        this.changed();
    }

    async addVideo(call) {
        await call.addVideo({ video: camera() }).catch((error) => this.fail(error));
        this.changed();
    }

    async transfer(to) {
        await this.current?.call.transfer(to).catch((error) => this.fail(error));
        this.changed();
    }

    /** Asks somebody whether they take the call. When they do not, it goes on. */
    async consult(to) {
        const line = this.current;
        const asked = await this.dial(to);
        if (asked) asked.asked = line;
        this.changed();
    }

    /** Joins the other sides of this line and the one talked on. */
    async join(line) {
        const { current } = this;
        if (!current || line === current) return;
        await line.call.transfer(current.call).catch((error) => this.fail(error));
        this.changed();
    }

    fail(error) {
        if (error.kind === 'cancelled') return;
        if (!error.kind) console.error(error); // not of the library: a mistake in this page
        this.emit('error', { kind: error.kind ?? 'internal', text: error.message, sip: error.sip });
    }

    /* There was no call to speak of, but somebody was called. */
    #notPlaced(to, error) {
        const cancelled = error.kind === 'cancelled';
        const call = { id: `${Date.now()}`, direction: 'outgoing', remote: { uri: to } };
        if (error.kind) this.emit('ended', { call, end: { reason: error.kind, by: cancelled ? 'you' : 'gateway', durationMs: 0 } });
        this.fail(error);
    }

    #tell({ reason, by, text, sip }) {
        if (!['hangup', 'transferred', 'pulled'].includes(reason) && by !== 'you') this.emit('error', { kind: reason, text, sip });
    }

    #comesIn(call) {
        this.ringing.push(call);
        call.on('state', (state) => {
            if (state !== 'active' && state !== 'ended') return this.changed();
            this.ringing = this.ringing.filter((each) => each !== call);
            // One that is taken tells of its end itself.
            if (state === 'ended' && !this.all.some((line) => line.call === call)) void call.ended.then((end) => this.emit('ended', { call, end }));
            this.changed();
        });
        this.emit('ring', call);
        this.changed();
    }

    /** A call of this user on another device goes on here. */
    async pull(other) {
        try {
            await this.#putAside();
            this.#take(await this.session.pull(other, { audio: microphone() }));
        } catch (error) {
            this.#bringBack();
            this.fail(error);
        }
        this.changed();
    }

    #take(call, since = call.state === 'active' ? Date.now() : 0) {
        const line = { call, since, aside: false, rating: '', silent: '', broken: false, asked: null };
        this.all.push(line);
        this.last = null;
        this.current = line;
        if (line.since) this.emit('up', line);
        this.#follow(line);
        this.changed();
        return line;
    }

    #follow(line) {
        const { call } = line;
        for (const event of ['held', 'muted', 'video', 'peer', 'connection', 'track', 'sharing']) call.on(event, () => this.changed());
        call.on('needsgesture', () => this.emit('gesture'));
        call.on('dtmf', ({ digit }) => this.emit('key', digit));
        call.on('transfer', ({ state }) => this.emit('transfer', { line, state }));
        for (const event of ['reconnecting', 'reconnected'])
            call.on(event, () => {
                line.broken = event === 'reconnecting';
                this.changed();
            });
        call.on('device', (vanished) => this.emit('device', vanished));
        call.on('warning', ({ what, on }) => {
            if (what === 'microphone') line.flat = on;
            this.changed();
        });
        call.on('quality', ({ leg, rating }) => {
            if (leg === 'you') line.rating = rating;
            this.changed();
        });
        call.on('media', ({ leg, kind, state }) => {
            if (kind === 'audio') line.silent = state === 'silent' ? leg : line.silent === leg ? '' : line.silent;
            this.changed();
        });
        call.on('state', (state) => {
            if (state === 'active' && this.all.includes(line)) {
                line.since ||= Date.now();
                this.emit('up', line);
                // It was answered while another is talked on.
                if (line !== this.current) void this.#hold(line);
            }
            this.changed();
        });
        call.on('ended', (end) => this.#ended(line, end));
    }

    #ended(line, end) {
        const { call } = line;
        if (!this.all.includes(line)) return; // its microphone was refused: it rings, and is told of there
        const front = line === this.current && !this.dialling;
        const { aside } = line;
        this.#drop(line, end.reason !== 'transferred' && !aside);
        if (front && !this.current) this.last = { call, end };
        this.emit('ended', { call, end });
        if (!aside || end.by !== 'you') this.#tell(end);
        this.changed();
    }

    #drop(line, back = true) {
        this.all = this.all.filter((each) => each !== line);
        for (const each of this.all) if (each.asked === line) each.asked = null;
        if (this.current !== line) return;
        this.current = null;
        if (back) this.#bringBack(line.asked);
        else this.current = this.all.at(-1) ?? null;
    }

    /* The phone put it aside, so the phone brings it back; who holds by hand resumes by hand. */
    #bringBack(line = null) {
        if (this.dialling) return;
        const next = line && this.all.includes(line) ? line : (this.current ?? this.all.at(-1));
        if (next) this.#front(next);
    }

    #front(line) {
        this.current = line;
        if (line.aside) {
            line.aside = false;
            if (line.call.held.local) line.call.resume().catch((error) => this.fail(error));
        }
        this.changed();
    }

    async #putAside() {
        const line = this.current;
        if (!line || line.call.state === 'ended') return;
        if (line.call.held.local) return;
        line.aside = true;
        await this.#hold(line);
    }

    async #hold(line) {
        line.aside = true;
        if (line.call.state !== 'active' || line.call.held.local) return;
        await line.call.hold().catch((error) => this.fail(error));
    }
}
