/** What the page says above everything else: what failed, and that it is being reconnected. */
import { $, on, show, write } from './dom.js';
import { errorText } from './texts.js';

export class Notices {
    constructor() {
        on('error-close', 'click', () => this.error(null));
    }

    error(kind, text, sip) {
        $('error').dataset.kind = kind ?? '';
        write('error', kind ? errorText(kind, text, sip) : '');
        show('error', !!kind);
        show('error-box', !!kind);
    }

    banner(text) {
        write('banner-text', text);
        show('banner', !!text);
    }
}
