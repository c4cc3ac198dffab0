/** How well the two hear each other: a word, and the numbers behind it. */
import { $, make, on, show, write } from './dom.js';

const EVERY_MS = 1000;
const words = { good: 'Good', fair: 'Fair', poor: 'Poor' };
const silences = {
    you: 'The gateway hears nothing from your microphone.',
    peer: 'Nothing arrives from the other side.',
    flat: 'Your microphone gives no sound. Is it switched off?',
};

export class Quality {
    #timer = 0;

    constructor(lines) {
        this.lines = lines;
        on('quality', 'click', () => this.open($('details').hidden));
        lines.on('change', () => this.#draw());
    }

    open(open) {
        show('details', open);
        $('quality').setAttribute('aria-expanded', String(open));
        clearInterval(this.#timer);
        if (!open) return;
        this.#timer = setInterval(() => void this.#measure(), EVERY_MS);
        void this.#measure();
    }

    #draw() {
        const { call, current } = this.lines;
        const active = call?.state === 'active';
        const rating = active ? current.rating : '';
        const broken = active && current.broken;
        show('quality', active);
        $('quality').dataset.rating = broken ? 'poor' : rating;
        write('quality-text', broken ? 'Reconnecting' : (words[rating] ?? 'Connection'));
        const silent = active && !call.held.local && !call.held.remote ? current.silent || (current.flat && 'flat') : '';
        show('silent', !!silent && !(silent !== 'peer' && call.muted.audio));
        write('silent', silences[silent] ?? '');
        if (!active && !$('details').hidden) this.open(false);
    }

    async #measure() {
        const { call } = this.lines;
        const stats = await call?.stats().catch(() => null);
        if (!stats || call !== this.lines.call) return;
        const { packetsReceived: got, packetsLost: lost } = stats;
        const rows = {
            'Round trip': stats.rttMs === undefined ? '–' : `${stats.rttMs} ms`,
            Jitter: stats.jitterMs === undefined ? '–' : `${stats.jitterMs} ms`,
            Lost: got + lost > 0 ? `${((100 * Math.max(0, lost)) / (got + lost)).toFixed(1)} %` : '–',
            Codec: stats.codec ?? '–',
            Path: stats.remote ?? '–',
            'Call id': call.gatewayId,
        };
        $('details').replaceChildren(...Object.entries(rows).flatMap(([what, value]) => [make('dt', { textContent: what }), make('dd', { textContent: value, dir: 'ltr' })]));
    }
}
