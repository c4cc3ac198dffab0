/** The list of calls that were. */
import { $, icon, iconButton, make, on, show, write } from './dom.js';
import { nav } from './nav.js';
import { day, duration, timeOfDay } from './texts.js';

const words = {
    answered: '',
    missed: 'Missed',
    declined: 'Declined',
    elsewhere: 'Answered on another device',
    cancelled: 'Cancelled',
    failed: 'Not reached',
};
const reasons = { busy: 'Busy', declined: 'Declined', 'no-answer': 'No answer', 'not-found': 'Nobody there', unavailable: 'Not reachable' };

export class HistoryView {
    #which = 'all';
    #tabs = [...document.querySelectorAll('[data-which]')];

    /** `acts`: call(address), save(contact). */
    constructor(history, contacts, acts) {
        Object.assign(this, { history, contacts, acts });
        for (const tab of this.#tabs) tab.addEventListener('click', () => this.#choose(tab.dataset.which));
        on('history-clear', 'click', () => {
            if (confirm('Delete the list of calls?')) history.clear();
        });
        history.on('change', () => this.#changed());
        contacts.on('change', () => this.draw());
        nav.on('view', (view) => view === 'history' && history.look());
    }

    #choose(which) {
        this.#which = which;
        for (const tab of this.#tabs) tab.setAttribute('aria-pressed', String(tab.dataset.which === which));
        this.draw();
    }

    #changed() {
        if (nav.view === 'history' && document.visibilityState === 'visible' && this.history.unseen) return this.history.look();
        nav.badge('history', this.history.unseen, 'missed');
        this.draw();
    }

    draw() {
        const entries = this.history.all.filter(({ how }) => this.#which === 'all' || how === 'missed');
        const days = new Map();
        for (const entry of entries) {
            const on = day(entry.at);
            days.set(on, [...(days.get(on) ?? []), entry]);
        }
        $('history-list').replaceChildren(
            ...[...days].flatMap(([on, list]) => [make('h3', { textContent: on }), make('ul', { className: 'list' }, ...list.map((entry) => this.#row(entry)))]),
        );
        show('history-empty', !entries.length);
        show('history-clear', this.history.all.length > 0);
        write('history-empty-text', this.#which === 'missed' ? 'No missed calls.' : 'No calls yet. Those you make and get are listed here.');
    }

    #row(entry) {
        const { at, direction, address, how, reason, durationMs } = entry;
        const contact = this.contacts.at(address);
        const who = contact?.name ?? entry.name;
        const said = how === 'failed' ? (reasons[reason] ?? words.failed) : words[how];
        const way = direction === 'incoming' ? 'Incoming' : 'Outgoing';
        const mark = make('span', { className: `mark ${how}`, role: 'img', 'aria-label': how === 'answered' ? way : `${way}, ${said}` }, icon(how === 'missed' ? 'missed' : direction));
        const about = make('div', { className: 'about' }, make('span', { className: 'title', dir: 'auto', textContent: who }),
            make('span', { className: 'faint', textContent: [timeOfDay(at), how === 'answered' ? duration(durationMs) : said].join(' · ') }));
        const row = make('li', { 'data-address': address, 'data-how': how }, mark, about);
        if (address && !contact) row.append(iconButton('add-person', `Add ${who} to the contacts`, () => this.acts.save({ name: entry.name === address ? '' : entry.name, address })));
        if (address) row.append(iconButton('phone', `Call ${who}`, () => this.acts.call(address)));
        return row;
    }
}
