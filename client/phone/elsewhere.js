/** Calls of this user on other devices, which can go on here. */
import { $, avatar, make, show } from './dom.js';

export class Elsewhere {
    #shown = '';

    constructor(lines, named) {
        Object.assign(this, { lines, named, session: null });
        document.addEventListener('visibilitychange', () => void this.look());
        lines.on('change', () => this.#changed());
    }

    open(session) {
        this.session = session;
        void this.look();
    }

    /* They are asked for when there is something to be shown: nobody tells of them. */
    #changed() {
        const idle = !this.lines.busy;
        if (idle && !this.idle) void this.look();
        this.idle = idle;
    }

    async look() {
        const { session } = this;
        if (session?.state !== 'connected' || document.visibilityState !== 'visible') return;
        const found = await session.otherCalls().catch(() => []); // the gateway may not have it
        if (session !== this.session) return;
        const calls = found.filter(({ state }) => state === 'active');
        const key = JSON.stringify(calls.map(({ id, peer }) => [id, peer]));
        show('elsewhere', calls.length > 0);
        if (key === this.#shown) return;
        this.#shown = key;
        $('elsewhere-list').replaceChildren(...calls.map((call) => this.#row(call)));
    }

    #row(call) {
        const who = this.named(call.peer);
        const take = make('button', { type: 'button', className: 'small go', textContent: 'Take over', 'aria-label': `Take the call with ${who} over` });
        take.addEventListener('click', () => void this.lines.pull(call));
        const about = make('div', { className: 'about' }, make('span', { className: 'title', dir: 'auto', textContent: who }), make('span', { className: 'faint', textContent: 'on another device of yours' }));
        return make('li', { className: 'person' }, avatar(who), about, take);
    }
}
