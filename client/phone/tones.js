/** Keys for the other side, while a call is talked on. */
import { $, on, show, write } from './dom.js';

const SHOWN_MS = 150;
const keys = [...document.querySelectorAll('[data-dtmf]')];

export class Tones {
    #sent = '';
    #call = null;

    constructor(lines) {
        this.lines = lines;
        on('keypad', 'click', () => this.open($('tones').hidden));
        for (const key of keys) key.addEventListener('click', () => this.send(key.dataset.dtmf));
        lines.on('key', (digit) => this.#flash(digit));
        lines.on('change', () => this.#draw());
    }

    open(open) {
        show('tones', open);
        $('keypad').setAttribute('aria-expanded', String(open));
        if (open) keys[0].focus();
    }

    send(digit) {
        const { call } = this.lines;
        if (call?.state !== 'active') return;
        this.#flash(digit);
        this.#sent = (this.#sent + digit).slice(-32);
        write('sent', this.#sent);
        call.dtmf(digit).catch((error) => this.lines.fail(error));
    }

    #draw() {
        const { call } = this.lines;
        if (call !== this.#call) {
            this.#call = call;
            this.#sent = '';
            write('sent', '');
        }
        if (call?.state !== 'active' && !$('tones').hidden) this.open(false);
    }

    #flash(digit) {
        const key = keys.find((each) => each.dataset.dtmf === digit);
        key?.classList.add('pressed');
        setTimeout(() => key?.classList.remove('pressed'), SHOWN_MS);
    }
}
