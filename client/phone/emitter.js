/** Listeners by the name of what happened. */
export class Emitter {
    #listeners = new Map();

    on(name, listener) {
        this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    }

    emit(name, what) {
        for (const listener of this.#listeners.get(name) ?? []) listener(what);
    }
}
