/** Calls that were, newest first. */
import { Emitter } from './emitter.js';
import { load, onSaved, save } from './store.js';
import { addressOf, name } from './texts.js';

const MOST = 300;

/** How it went: answered, missed, declined, elsewhere, cancelled or failed. */
function outcome({ direction }, { reason, by, durationMs }) {
    if (durationMs || reason === 'transferred') return 'answered';
    if (reason === 'answered-elsewhere' || reason === 'pulled') return 'elsewhere';
    if (direction === 'incoming') return by === 'you' ? 'declined' : 'missed';
    return by === 'you' ? 'cancelled' : 'failed';
}

export class History extends Emitter {
    #user = '';
    #list = [];

    constructor() {
        super();
        onSaved(() => this.#key, () => this.#read());
    }

    get #key() {
        return `history.${this.#user}`;
    }

    open(user) {
        this.#user = user;
        this.#read();
    }

    #read() {
        this.#list = load(this.#key, []);
        this.emit('change');
    }

    #keep(list) {
        this.#list = list.slice(0, MOST);
        save(this.#key, this.#list);
        this.emit('change');
    }

    get all() {
        return this.#list;
    }

    /** Missed ones that nobody has looked at. */
    get unseen() {
        return this.#list.filter(({ how, seen }) => how === 'missed' && !seen).length;
    }

    record(call, end) {
        const entry = {
            id: call.gatewayId || call.id,
            at: Date.now() - end.durationMs,
            direction: call.direction,
            name: name(call.remote),
            address: addressOf(call.remote),
            how: outcome(call, end),
            reason: end.reason,
            durationMs: end.durationMs,
            seen: false,
        };
        // Another tab of this user may have answered it.
        const list = load(this.#key, this.#list);
        if (list.some(({ id, how }) => id === entry.id && how === 'answered')) return;
        this.#keep([entry, ...list.filter(({ id }) => id !== entry.id)]);
    }

    look() {
        if (this.unseen) this.#keep(this.#list.map((each) => ({ ...each, seen: true })));
    }

    clear() {
        this.#keep([]);
    }
}
