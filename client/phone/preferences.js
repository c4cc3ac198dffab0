/** Switches of the settings that are nothing but switches. */
import { $, on } from './dom.js';
import { settings } from './settings.js';

export class Preferences {
    constructor() {
        for (const name of ['raw', 'shortcuts']) {
            $(name).checked = settings.get(name);
            $(name).addEventListener('change', () => settings.set(name, $(name).checked));
        }
        for (const radio of document.querySelectorAll('[name=theme]')) {
            radio.checked = radio.value === settings.get('theme');
            radio.addEventListener('change', () => settings.set('theme', radio.value));
        }
        settings.on('theme', (theme) => (document.documentElement.dataset.theme = theme));
        on('wipe', 'click', () => {
            if (!confirm('Delete contacts, recents, messages and settings?')) return;
            for (const key of Object.keys(localStorage)) if (key.startsWith('causeway.phone.')) localStorage.removeItem(key);
            location.reload();
        });
    }
}
