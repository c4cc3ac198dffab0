/** Threads of messages, and one of them. */
import { $, avatar, make, on, show, write } from './dom.js';
import { nav } from './nav.js';
import { day, errorText, timeOfDay } from './texts.js';

export class MessagesView {
    #open = ''; // address of the thread that is shown

    constructor(messages, contacts, { call }) {
        Object.assign(this, { messages, contacts });
        on('thread-back', 'click', () => this.open(''));
        on('thread-call', 'click', () => call(this.#open));
        on('message-new', 'click', () => {
            show('message-to-form', true);
            $('message-to').focus();
        });
        on('message-to-form', 'submit', () => {
            const to = $('message-to').value.trim();
            if (!to) return;
            $('message-to').value = '';
            show('message-to-form', false);
            this.open(to);
        });
        on('message-form', 'submit', () => this.#send());
        $('message').addEventListener('keydown', (event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            this.#send();
        });
        messages.on('change', () => this.draw());
        contacts.on('change', () => this.draw());
        nav.on('view', () => this.draw());
        document.addEventListener('visibilitychange', () => this.draw());
    }

    /** Shows the messages with `address`, or all threads when there is none. */
    open(address) {
        this.#open = address;
        this.draw();
        if (address) $('message').focus();
    }

    #named(address) {
        return this.contacts.at(address)?.name ?? this.messages.thread(address)?.name ?? address;
    }

    draw() {
        const seen = nav.view === 'messages' && document.visibilityState === 'visible';
        if (seen && this.#open && this.messages.thread(this.#open)?.unread) return this.messages.look(this.#open);
        nav.badge('messages', this.messages.unread, 'unread');
        const at = this.#open;
        for (const id of ['thread-back', 'thread-call', 'thread']) show(id, !!at);
        for (const id of ['threads', 'message-new']) show(id, !at);
        write('title-messages', at ? this.#named(at) : 'Messages');
        if (at) this.#drawThread(this.messages.thread(at)?.items ?? []);
        else this.#drawThreads();
    }

    #drawThreads() {
        const { threads } = this.messages;
        show('messages-empty', !threads.length);
        $('thread-list').replaceChildren(
            ...threads.map(({ address, unread, items }) => {
                const { text, at, mine } = items.at(-1);
                const who = this.#named(address);
                const open = make('button', { type: 'button', className: 'about' }, make('span', { className: 'title', dir: 'auto', textContent: who }), make('span', { className: 'faint', dir: 'auto', textContent: mine ? `You: ${text}` : text }));
                open.addEventListener('click', () => this.open(address));
                const row = make('li', { 'data-address': address, 'data-unread': String(unread) }, avatar(who), open, make('span', { className: 'faint', textContent: timeOfDay(at) }));
                if (unread) row.append(make('span', { className: 'count', textContent: String(unread), role: 'img', 'aria-label': `${unread} unread` }));
                return row;
            }),
        );
    }

    #drawThread(items) {
        const list = $('bubbles');
        const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
        const rows = [];
        let on = '';
        for (const { mine, text, at, state, why } of items) {
            const today = day(at);
            if (today !== on) rows.push(make('li', { className: 'heading', textContent: (on = today) }));
            const note = state === 'sending' ? 'sending…' : state === 'failed' ? `not delivered: ${errorText(why)}` : timeOfDay(at);
            rows.push(make('li', { className: mine ? 'mine' : 'theirs', 'data-state': state }, make('p', { dir: 'auto', textContent: text }), make('span', { className: 'faint', textContent: note })));
        }
        list.replaceChildren(...rows);
        if (atEnd) list.scrollTop = list.scrollHeight;
    }

    #send() {
        const text = $('message').value.trim();
        if (!text || !this.#open) return;
        $('message').value = '';
        void this.messages.send(this.#open, text);
    }
}
