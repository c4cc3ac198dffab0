/**
 * What the phone remembers, in the browser's localStorage. Without one (a private window, a full disk)
 * it remembers until the page goes.
 */
const PREFIX = 'causeway.phone.';
const memory = new Map();

export function load(key, otherwise) {
    try {
        const text = localStorage.getItem(PREFIX + key) ?? memory.get(key);
        return text == null ? otherwise : JSON.parse(text);
    } catch {
        return memory.has(key) ? JSON.parse(memory.get(key)) : otherwise;
    }
}

export function save(key, value) {
    const text = JSON.stringify(value);
    memory.set(key, text);
    try {
        localStorage.setItem(PREFIX + key, text);
    } catch {
        /* kept in memory */
    }
}

export function forget(...keys) {
    for (const key of keys) {
        memory.delete(key);
        try {
            localStorage.removeItem(PREFIX + key);
        } catch {
            /* there was nothing */
        }
    }
}

/** Another tab saved `key`. */
export function onSaved(key, listener) {
    addEventListener('storage', (event) => event.key === PREFIX + key() && listener());
}
