/** The user's contacts. */
import { Emitter } from './emitter.js';
import { load, onSaved, save } from './store.js';

const MOST = 2000;

/** Addresses that reach the same: without case, spaces and a number's punctuation. */
export function same(address) {
    const text = address.trim().toLowerCase().replace(/^(sip|tel):(?=\+?[\d\s().-]+$)/, '');
    return /^\+?[\d\s().-]+$/.test(text) ? text.replace(/[^\d+]/g, '') : text.replace(/;.*/, '');
}

export class Contacts extends Emitter {
    #user = '';
    #list = [];
    #byAddress = new Map();

    constructor() {
        super();
        onSaved(() => this.#key, () => this.#read());
    }

    get #key() {
        return `contacts.${this.#user}`;
    }

    /** Those of this user, from now on. */
    open(user) {
        this.#user = user;
        this.#read();
    }

    #read() {
        this.#take(load(this.#key, []));
    }

    #take(list) {
        const by = new Intl.Collator().compare;
        this.#list = [...list].sort((a, b) => by(a.name, b.name));
        this.#byAddress = new Map(this.#list.map((contact) => [same(contact.address), contact]));
        this.emit('change');
    }

    #keep(list) {
        save(this.#key, list);
        this.#take(list);
    }

    get all() {
        return this.#list;
    }

    get favourites() {
        return this.#list.filter(({ favourite }) => favourite);
    }

    /** Who has this address. */
    at(address) {
        return address ? this.#byAddress.get(same(address)) : undefined;
    }

    find(text) {
        const wanted = text.trim().toLowerCase();
        return this.#list.filter(({ name, address }) => name.toLowerCase().includes(wanted) || address.toLowerCase().includes(wanted));
    }

    /** Adds one, or changes the one with this `id`. What is wrong with it, or nothing. */
    put({ id, name, address, favourite = false }) {
        const contact = { id: id ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`, name: name.trim(), address: address.trim(), favourite };
        const other = this.at(contact.address);
        if (!contact.name) return { field: 'name', text: 'Give the contact a name.' };
        if (!contact.address) return { field: 'address', text: 'Give a number, name or address to call.' };
        if (other && other.id !== id) return { field: 'address', text: `${other.name} already has this address.` };
        if (!id && this.#list.length >= MOST) return { field: 'name', text: `There is room for ${MOST} contacts.` };
        this.#keep([...this.#list.filter((each) => each.id !== contact.id), contact]);
        return undefined;
    }

    remove(id) {
        this.#keep(this.#list.filter((each) => each.id !== id));
    }
}
