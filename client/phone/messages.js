/** Messages sent and got, by whom they are exchanged with. */
import { same } from './contacts.js';
import { Emitter } from './emitter.js';
import { load, onSaved, save } from './store.js';
import { addressOf, name } from './texts.js';

const MOST_THREADS = 100;
const MOST_MESSAGES = 200; // of one thread

export class Messages extends Emitter {
    #user = '';
    #threads = [];

    constructor() {
        super();
        onSaved(() => this.#key, () => this.#read());
    }

    get #key() {
        return `messages.${this.#user}`;
    }

    open(user, session) {
        this.#user = user;
        this.session = session;
        this.#read();
        session.on('message', (message) => this.#comesIn(message));
    }

    #read() {
        this.#threads = load(this.#key, []);
        this.emit('change');
    }

    /* Another tab of this user may have written since. */
    #change(address, change) {
        const threads = load(this.#key, []);
        const found = threads.find((thread) => same(thread.address) === same(address));
        const thread = found ?? { address, name: address, unread: 0, items: [] };
        change(thread);
        thread.items = thread.items.slice(-MOST_MESSAGES);
        this.#threads = [thread, ...threads.filter((each) => each !== found)].sort((a, b) => this.#last(b) - this.#last(a)).slice(0, MOST_THREADS);
        save(this.#key, this.#threads);
        this.emit('change');
    }

    #last({ items }) {
        return items.at(-1)?.at ?? 0;
    }

    /** Newest first: {address, name, unread, items: [{id, mine, text, at, state}]}. */
    get threads() {
        return this.#threads.filter(({ items }) => items.length);
    }

    get unread() {
        return this.#threads.reduce((sum, thread) => sum + thread.unread, 0);
    }

    thread(address) {
        return this.#threads.find((thread) => same(thread.address) === same(address));
    }

    look(address) {
        if (this.thread(address)?.unread) this.#change(address, (thread) => (thread.unread = 0));
    }

    async send(address, text) {
        const item = { id: `${Date.now()}-${Math.random().toString(36).slice(2)}`, mine: true, text, at: Date.now(), state: 'sending' };
        const update = (state, why = '') =>
            this.#change(address, (thread) => {
                const kept = thread.items.find(({ id }) => id === item.id);
                if (kept) Object.assign(kept, { state, why });
            });
        this.#change(address, (thread) => thread.items.push(item));
        try {
            await this.session.send(address, text, { id: item.id });
            update('sent');
        } catch (error) {
            update('failed', error.kind ?? 'internal');
        }
    }

    #comesIn({ from, id, text, time }) {
        const address = addressOf(from);
        if (!address || this.thread(address)?.items.some((item) => item.id === id)) return;
        this.#change(address, (thread) => {
            thread.name = name(from);
            thread.unread++;
            thread.items.push({ id, mine: false, text, at: time, state: 'got' });
        });
        this.emit('message', { address, from, text });
    }
}
