/** Leaving a call to somebody else. */
import { $, on, show, write } from './dom.js';

const texts = {
    trying: 'Transferring…',
    ringing: 'Transferring, it rings…',
    done: 'Transferred.',
    failed: 'The transfer failed; you have the call again.',
};

export class Transfer {
    #call = null;

    constructor(lines, ask) {
        Object.assign(this, { lines, ask });
        on('transfer', 'click', () => this.open($('transfer-form').hidden));
        on('transfer-form', 'submit', () => this.#to((to) => lines.transfer(to)));
        on('consult', 'click', () => this.#to((to) => lines.consult(to)));
        lines.on('transfer', ({ state }) => this.#tell(state));
        lines.on('change', () => this.#draw());
    }

    open(open) {
        show('transfer-form', open);
        $('transfer').setAttribute('aria-expanded', String(open));
        if (open) $('transfer-to').focus();
    }

    #to(action) {
        const to = $('transfer-to').value.trim();
        if (!to) return void $('transfer-to').focus();
        this.ask();
        this.open(false);
        $('hangup').focus();
        void action(to);
    }

    #tell(state) {
        $('moving').dataset.state = state ?? '';
        write('moving', state ? texts[state] : '');
        show('moving', !!state);
    }

    #draw() {
        const { call } = this.lines;
        if (call !== this.#call) {
            this.#call = call;
            if (this.lines.busy) this.#tell(null);
        }
        if (call?.state !== 'active' && !$('transfer-form').hidden) this.open(false);
    }
}
