/** The call that is talked on, or what there is without one. */
import { $, announce, icon, make, avatar, on, paintAvatar, press, show, write } from './dom.js';
import { nav } from './nav.js';
import { addressOf, duration, errorText, name, stateTexts } from './texts.js';

export class Stage {
    #was = '';
    #clock = 0;

    constructor(lines, contacts, meter) {
        Object.assign(this, { lines, contacts, meter });
        on('hangup', 'click', () => lines.hangUp());
        on('mute', 'click', () => lines.call?.mute('audio', !lines.call.muted.audio));
        on('hold', 'click', () => lines.toggleHold());
        on('done', 'click', () => this.#dismiss());
        on('again', 'click', () => void lines.dial(this.#again()));
        on('add-call', 'click', () => {
            nav.go('dial');
            $('dial').focus();
        });
        lines.on('change', () => this.draw());
        lines.on('up', () => this.#tick());
        contacts.on('change', () => this.draw());
    }

    /** What this phone calls somebody: a contact's name goes first. */
    named(party) {
        return this.contacts.at(addressOf(party))?.name ?? name(party);
    }

    draw() {
        const { lines } = this;
        const { busy, last } = lines;
        show('live', busy);
        show('over', !busy && !!last);
        show('idle', !busy && !last);
        const seen = busy ? 'on' : last ? 'over' : '';
        if (seen !== (document.body.dataset.call ?? '')) {
            if (seen) document.body.dataset.call = seen;
            else delete document.body.dataset.call;
            nav.minimise(false);
        }
        show('return', busy);
        if (busy) this.#drawCall();
        else this.#drawIdle(last);
        if (!busy) this.#favourites();
    }

    #drawCall() {
        const { lines } = this;
        const { call, dialling } = lines;
        const state = dialling ? 'trying' : (call?.state ?? 'trying');
        const active = state === 'active';
        const who = dialling ? this.named({ uri: dialling.to }) : call ? this.named(call.remote) : '';
        const address = dialling ? dialling.to : call ? call.remote.number || addressOf(call.remote) : '';
        const text = this.#standing(call, state);

        write('peer', who);
        write('peer-number', address === who ? '' : address);
        paintAvatar($('face'), who);
        $('state').dataset.state = state;
        delete $('state').dataset.reason;
        write('state', text);
        write('return-text', who);
        show('timer', active);
        show('level', active || state === 'early');
        this.meter.watch(call?.pc ? call : null);
        $('mute').disabled = !call;
        press('mute', !!call?.muted.audio);
        for (const id of ['hold', 'keypad', 'transfer']) $(id).disabled = !active;
        press('hold', !!call?.held.local);
        write('hangup-text', active ? 'Hang up' : 'Cancel');
        document.body.dataset.held = active && call.held.local ? 'on' : '';

        const now = `${text} ${who}`;
        if (now !== this.#was && this.#was) announce(`${text}, ${who}`);
        this.#was = now;
        this.#tick();
    }

    #standing(call, state) {
        if (state !== 'active') return stateTexts[state];
        if (call.held.local) return 'On hold';
        if (call.held.remote) return 'The other side holds the call';
        if (call.remoteMuted.audio) return 'Connected, the other side is muted';
        return stateTexts.active;
    }

    #drawIdle(last) {
        this.meter.watch(null);
        $('state').dataset.state = 'idle';
        if (!last) {
            write('state', stateTexts.idle);
            this.#was = '';
            return;
        }
        const { call, end } = last;
        const who = this.named(call.remote);
        const fine = ['hangup', 'transferred'].includes(end.reason) || end.by === 'you';
        $('state').dataset.reason = end.reason;
        write('state', 'Call ended');
        write('over-name', who);
        paintAvatar($('over-face'), who);
        write('over-text', !fine ? errorText(end.reason, end.text) : end.durationMs ? `Call ended · ${duration(end.durationMs)}` : 'Call ended');
        const address = addressOf(call.remote);
        show('again', !!address);
        show('over-save', !!address && !this.contacts.at(address));
        if (this.#was) announce(`Call ended, ${who}`);
        this.#was = '';
    }

    #again() {
        const { call } = this.lines.last;
        return addressOf(call.remote);
    }

    #dismiss() {
        this.lines.last = null;
        this.lines.changed();
    }

    #tick() {
        const since = this.lines.dialling ? 0 : this.lines.current?.since;
        clearInterval(this.#clock);
        if (!since) return;
        const count = () => write('timer', duration(Date.now() - since));
        this.#clock = setInterval(count, 500);
        count();
    }

    #favourites() {
        const { favourites } = this.contacts;
        show('quick', favourites.length > 0);
        const shown = favourites.slice(0, 8);
        const key = JSON.stringify(shown);
        if ($('favourites').dataset.shown === key) return;
        $('favourites').dataset.shown = key;
        $('favourites').replaceChildren(
            ...shown.map(({ name: who, address }) => make('button', { type: 'button', className: 'person', 'data-call': address }, avatar(who), make('span', { textContent: who, dir: 'auto' }), icon('phone'))),
        );
    }
}
