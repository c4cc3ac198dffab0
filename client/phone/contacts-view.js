/** The list of contacts, and the dialog that adds and changes one. */
import { $, avatar, iconButton, make, on, show, write } from './dom.js';

export class ContactsView {
    #edited = null;
    #sure = false;

    /** `acts`: call(address), and write(address) where messages can be sent. */
    constructor(contacts, acts) {
        Object.assign(this, { contacts, acts });
        on('contact-new', 'click', () => this.edit({ name: '', address: '' }));
        $('contact-search').addEventListener('input', () => this.draw());
        on('contact-form', 'submit', () => this.#save());
        on('contact-cancel', 'click', () => $('contact-dialog').close());
        on('contact-delete', 'click', () => this.#delete());
        contacts.on('change', () => this.draw());
    }

    draw() {
        const text = $('contact-search').value;
        const found = this.contacts.find(text);
        const starred = text ? [] : found.filter(({ favourite }) => favourite);
        const rest = text ? found : found.filter(({ favourite }) => !favourite);
        const rows = [];
        if (starred.length) rows.push(this.#heading('Favourites'), ...starred.map((each) => this.#row(each)));
        if (starred.length && rest.length) rows.push(this.#heading('Everybody'));
        rows.push(...rest.map((each) => this.#row(each)));
        $('contact-list').replaceChildren(...rows);
        show('contact-list', rows.length > 0);
        show('contact-empty', !found.length);
        write('contact-empty-text', this.contacts.all.length ? `Nobody found for “${text}”.` : 'No contacts yet. Those you add are kept in this browser.');
    }

    #heading(text) {
        return make('li', { className: 'heading', textContent: text });
    }

    #row(contact) {
        const { name, address, favourite } = contact;
        const about = make('button', { type: 'button', className: 'about', title: 'Edit' }, make('span', { className: 'title', dir: 'auto', textContent: name }), make('span', { className: 'faint', dir: 'ltr', textContent: address }));
        about.addEventListener('click', () => this.edit(contact));
        const star = iconButton('star', `Favourite: ${name}`, () => this.contacts.put({ ...contact, favourite: !favourite }), { 'aria-pressed': String(favourite), className: 'round star' });
        const row = make('li', { 'data-address': address }, avatar(name), about, star);
        row.append(iconButton('chat', `Write to ${name}`, () => this.acts.write(address)));
        row.append(iconButton('phone', `Call ${name}`, () => this.acts.call(address)));
        return row;
    }

    edit(contact) {
        this.#edited = contact.id ?? null;
        this.#sure = false;
        write('contact-title', contact.id ? 'Edit contact' : 'New contact');
        $('contact-name').value = contact.name;
        $('contact-address').value = contact.address;
        $('contact-favourite').checked = !!contact.favourite;
        write('contact-delete-text', 'Delete');
        show('contact-delete', !!contact.id);
        show('contact-wrong', false);
        $('contact-dialog').showModal();
        $(contact.name ? 'contact-address' : 'contact-name').focus();
    }

    #save() {
        const wrong = this.contacts.put({
            id: this.#edited ?? undefined,
            name: $('contact-name').value,
            address: $('contact-address').value,
            favourite: $('contact-favourite').checked,
        });
        if (!wrong) return $('contact-dialog').close();
        write('contact-wrong', wrong.text);
        show('contact-wrong', true);
        $(`contact-${wrong.field}`).focus();
    }

    #delete() {
        if (!this.#sure) {
            this.#sure = true;
            return write('contact-delete-text', 'Really delete');
        }
        this.contacts.remove(this.#edited);
        $('contact-dialog').close();
    }
}
