/** Whom to call: the field, its keys, and who is meant. */
import { $, focusField, make, on, write } from './dom.js';

const PLUS_AFTER_MS = 600;

export class DialPad {
    constructor(lines, contacts) {
        Object.assign(this, { lines, contacts, last: '' });
        on('dial-form', 'submit', () => this.call($('dial').value.trim()));
        on('erase', 'click', () => this.#edit((text) => text.slice(0, -1)));
        $('dial').addEventListener('input', () => this.#told());
        for (const key of document.querySelectorAll('[data-digit]')) this.#key(key, key.dataset.digit);
        contacts.on('change', () => this.#suggest());
        lines.on('change', () => ($('call').disabled = !!lines.dialling));
        this.#told();
    }

    /** With nothing typed, whom was called last is proposed. */
    async call(to) {
        if (!to) {
            this.fill(this.last);
            return focusField('dial');
        }
        this.last = to;
        const line = await this.lines.dial(to, { anonymous: $('withhold').checked });
        if (line && $('dial').value.trim() === to) this.fill('');
    }

    fill(text) {
        $('dial').value = text;
        this.#told();
    }

    /* 0 becomes + when it is held down. */
    #key(button, digit) {
        let timer = 0;
        let held = false;
        if (digit === '0') {
            button.addEventListener('pointerdown', () => {
                held = false;
                timer = setTimeout(() => {
                    held = true;
                    this.#edit((text) => `${text}+`);
                }, PLUS_AFTER_MS);
            });
            for (const end of ['pointerup', 'pointerleave', 'pointercancel']) button.addEventListener(end, () => clearTimeout(timer));
        }
        button.addEventListener('click', () => {
            if (!held) this.#edit((text) => text + digit);
            held = false;
        });
    }

    #edit(change) {
        this.fill(change($('dial').value));
    }

    #told() {
        const text = $('dial').value.trim();
        write('dial-name', this.contacts.at(text)?.name ?? '');
        $('erase').classList.toggle('vanished', !text);
        $('erase').disabled = !text;
    }

    #suggest() {
        const known = this.contacts.all.slice(0, 200).map(({ name, address }) => make('option', { value: address, label: name }));
        $('known').replaceChildren(...known, make('option', { value: 'echo', label: 'hear yourself' }), make('option', { value: 'tone', label: 'hear 1 kHz' }));
        this.#told();
    }
}
