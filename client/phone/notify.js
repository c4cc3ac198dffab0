/** Tells of calls while the page is in the background, if the user wants that. */
import { $, on, show, write } from './dom.js';
import { settings } from './settings.js';

const possible = 'Notification' in window;

export class Notify {
    #shown = null;

    constructor(lines, named) {
        Object.assign(this, { lines, named });
        on('ask-yes', 'click', () => this.want(true));
        on('ask-no', 'click', () => this.#asked());
        $('notify').addEventListener('change', () => void this.want($('notify').checked));
        lines.on('ring', (call) => this.#tell(`Call from ${named(call.remote)}`, 'call'));
        lines.on('change', () => {
            if (!lines.ringing.length) this.#close();
        });
        this.draw();
    }

    /** Asks once, by a line of the page: browsers refuse for ever what is asked out of the blue. */
    suggest() {
        show('ask', possible && Notification.permission === 'default' && !settings.get('notifyAsked'));
    }

    async want(on) {
        this.#asked();
        if (on && possible && Notification.permission === 'default') await Notification.requestPermission();
        settings.set('notify', on && possible && Notification.permission === 'granted');
        this.draw();
    }

    draw() {
        const refused = possible && Notification.permission === 'denied';
        $('notify').checked = settings.get('notify') && possible && Notification.permission === 'granted';
        $('notify').disabled = !possible || refused;
        write('notify-note', !possible ? 'This browser has no notifications.' : refused ? 'The browser does not let this page show notifications; its settings for this page say so.' : '');
        show('notify-note', !!$('notify-note').textContent);
    }

    /** A message came. */
    message(from, text) {
        this.#tell(from, 'message', text);
    }

    #asked() {
        settings.set('notifyAsked', true);
        show('ask', false);
    }

    #tell(title, tag, body = '') {
        if (!settings.get('notify') || !possible || Notification.permission !== 'granted' || document.visibilityState === 'visible') return;
        try {
            const shown = new Notification(title, { tag, body, icon: 'icon.svg', requireInteraction: tag === 'call' });
            shown.onclick = () => {
                window.focus();
                shown.close();
            };
            if (tag === 'call') this.#shown = shown;
        } catch {
            /* Android's browsers show them from a service worker only. */
        }
    }

    #close() {
        this.#shown?.close();
        this.#shown = null;
    }
}
