/** The calls that wait beside the one talked on. */
import { $, avatar, icon, make, show } from './dom.js';
import { addressOf, stateTexts } from './texts.js';

export class Waiting {
    constructor(lines, named) {
        Object.assign(this, { lines, named });
        lines.on('change', () => this.draw());
    }

    draw() {
        const { lines } = this;
        const { others, call } = lines;
        show('others', others.length > 0);
        // Made anew only when it says something else: the focus may be on one of its buttons.
        const talks = call?.state === 'active' && !lines.dialling;
        const rows = others.map((line) => [line.call.id, this.named(line.call.remote), this.#standing(line), talks && line.call.state === 'active']);
        const key = JSON.stringify(rows);
        if ($('others').dataset.shown === key) return;
        $('others').dataset.shown = key;
        $('others').replaceChildren(...rows.map((row, i) => this.#row(others[i], ...row)));
    }

    #standing({ call }) {
        if (call.state !== 'active') return stateTexts[call.state];
        return call.held.local ? 'On hold' : 'Connected';
    }

    #row(line, id, who, standing, joins) {
        const { lines } = this;
        const does = (className, picture, text, label, action) => {
            const button = make('button', { type: 'button', className: `small ${className}`, 'aria-label': label }, icon(picture), text);
            button.addEventListener('click', action);
            return button;
        };
        const words = make('div', { className: 'about' }, make('p', { className: 'who', dir: 'auto', textContent: who, title: addressOf(line.call.remote) }), make('p', { className: 'faint', textContent: standing }));
        const row = make('li', { 'data-call': id, 'data-held': String(line.call.held.local) }, avatar(who), words);
        if (line.call.state === 'active') row.append(does('swap', 'swap', 'Swap', `Swap to ${who}`, () => void lines.swap(line)));
        if (joins) row.append(does('join accent', 'merge', 'Connect', `Connect ${who} with the other side, and leave`, () => void lines.join(line)));
        const end = does('end danger', 'hangup', '', `Hang up ${who}`, () => void line.call.hangup());
        row.append(end);
        return row;
    }
}
