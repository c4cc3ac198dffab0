/** Shortcuts of the keyboard; while a field is typed in only with Alt, and none at all if Settings says so. */
import { $, make, on, typing } from './dom.js';
import { nav } from './nav.js';
import { settings } from './settings.js';

const shortcuts = [
    ['A', 'Answer', () => push('answer')],
    ['R', 'Decline', () => push('reject')],
    ['E', 'Hang up', () => push('hangup')],
    ['M', 'Mute', () => push('mute')],
    ['H', 'Hold', () => push('hold')],
    ['S', 'Swap with the call that waits', () => document.querySelector('#others .swap')?.click()],
    ['T', 'Transfer', () => push('transfer')],
    ['K', 'Keys for the other side', () => push('keypad')],
    ['V', 'Video', () => push('video')],
    ['F', 'Full screen', () => push('full')],
    ['/', 'Whom to call', dialField],
    ['?', 'This list', () => push('help')],
];

/* With Alt a key may give another letter than is written on it. */
function letter({ key, code, altKey }) {
    return (altKey && /^Key(.)$/.exec(code)?.[1]) || key.toUpperCase();
}

/* Only what is there to be pressed. */
function push(id) {
    if (!$(id).closest('[hidden]')) $(id).click();
}

function dialField() {
    nav.go('dial');
    $('dial').focus();
}

export class Keys {
    /** `escape` closes what is open, the innermost first; `tone` sends a key to the other side. */
    constructor(lines, { tone, escape }) {
        this.lines = lines;
        on('help', 'click', () => $('help-dialog').showModal());
        on('help-close', 'click', () => $('help-dialog').close());
        const more = [['0 – 9 * #', 'Keys for the other side, in a call'], ['Esc', 'Silence the bell; close what is open']];
        $('help-list').replaceChildren(...[...shortcuts, ...more].flatMap(([key, text]) => [make('dt', {}, make('kbd', { textContent: key })), make('dd', { textContent: text })]));
        addEventListener('keydown', (event) => {
            if (event.ctrlKey || event.metaKey || document.querySelector('dialog[open]')) return;
            if (event.key === 'Escape') return escape();
            if (!settings.get('shortcuts') || (typing(event.target) && !event.altKey)) return;
            if (!event.altKey && /^[0-9*#]$/.test(event.key) && lines.call?.state === 'active') return tone(event.key);
            const [, , action] = shortcuts.find(([key]) => key === letter(event)) ?? [];
            if (!action) return;
            event.preventDefault();
            action();
        });
    }
}
