type Handler<T> = (event: T) => void;

/** Events named and typed by a map `{name: payload}`. */
export class Emitter<Events extends object> {
    private handlers: { [K in keyof Events]?: Handler<Events[K]>[] } = {};

    /** Calls `handler` at each event; returns a function that stops it, as does `signal`. */
    on<K extends keyof Events>(
        name: K,
        handler: Handler<Events[K]>,
        options: { once?: boolean; signal?: AbortSignal } = {},
    ): () => void {
        const entry: Handler<Events[K]> = (event) => {
            if (options.once) off();
            handler(event);
        };
        const off = () => {
            this.handlers[name] = this.handlers[name]?.filter((each) => each !== entry);
        };
        if (options.signal?.aborted) return off;
        this.handlers[name] = [...(this.handlers[name] ?? []), entry];
        options.signal?.addEventListener('abort', off, { once: true });
        return off;
    }

    once<K extends keyof Events>(name: K, handler: Handler<Events[K]>): () => void {
        return this.on(name, handler, { once: true });
    }

    /** @internal */
    has(name: keyof Events): boolean {
        return !!this.handlers[name]?.length;
    }

    /** @internal A handler that throws is reported like an uncaught error; the others still run. */
    emit<K extends keyof Events>(name: K, event: Events[K]): void {
        for (const handler of this.handlers[name] ?? []) {
            try {
                handler(event);
            } catch (error) {
                setTimeout(() => {
                    throw error;
                }, 0);
            }
        }
    }
}
