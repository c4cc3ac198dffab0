/** Which part of the phone is seen: at any width one in the panel; on a small screen the call covers it. */
import { $, show } from './dom.js';
import { Emitter } from './emitter.js';
import { load, save } from './store.js';

class Nav extends Emitter {
    view = '';
    #buttons = [...document.querySelectorAll('nav [data-view]')];

    constructor() {
        super();
        for (const button of this.#buttons) button.addEventListener('click', () => this.go(button.dataset.view));
        $('return').addEventListener('click', () => this.minimise(false));
        $('minimise').addEventListener('click', () => this.minimise(true));
    }

    start() {
        const last = load('view', 'dial');
        this.go(this.#buttons.some((button) => button.dataset.view === last && !button.hidden) ? last : 'dial');
    }

    go(view) {
        this.view = view;
        for (const section of document.querySelectorAll('#panel > .view')) show(section, section.id === `view-${view}`);
        for (const button of this.#buttons)
            if (button.dataset.view === view) button.setAttribute('aria-current', 'page');
            else button.removeAttribute('aria-current');
        document.body.dataset.shown = view;
        save('view', view);
        if (document.body.dataset.call) this.minimise(true);
        this.emit('view', view);
    }

    /** Only a small screen shows the call or the rest. */
    minimise(on) {
        if (on) document.body.dataset.minimised = '';
        else delete document.body.dataset.minimised;
    }

    badge(view, number, what) {
        const badge = $(`${view}-count`);
        badge.hidden = !number;
        badge.textContent = number > 99 ? '99+' : String(number);
        if (number) badge.setAttribute('aria-label', `${number} ${what}`);
    }
}

export const nav = new Nav();
