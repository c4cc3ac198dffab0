/** A call that comes in: who it is, and what to do with it. */
import { $, announce, on, paintAvatar, show, write } from './dom.js';
import { addressOf, forwards, name, vouched, whose } from './texts.js';

export class Incoming {
    /** `asked` runs before a call is taken: what was wrong before is of no interest any more. */
    constructor(lines, named, asked) {
        Object.assign(this, { lines, named });
        const answer = (options) => () => {
            const [call] = this.ringing;
            asked();
            const answering = lines.answer(call, options);
            $('hangup').focus();
            return answering;
        };
        on('answer', 'click', answer({}));
        on('answer-end', 'click', answer({ end: true }));
        on('reject', 'click', () => lines.reject(this.ringing[0]));
        lines.on('change', () => this.draw());
    }

    /** Those that nobody has begun to answer. */
    get ringing() {
        return this.lines.ringing.filter(({ state }) => state === 'ringing');
    }

    draw() {
        const [call, ...more] = this.ringing;
        show('incoming', !!call);
        announce(call ? `Incoming call from ${this.named(call.remote)}` : '', true);
        document.title = call ? `☎ ${this.named(call.remote)}` : 'Causeway phone';
        if (!call) return;
        const who = this.named(call.remote);
        const { subject, forwarded, verified } = call.details;
        write('caller', who);
        paintAvatar($('caller-face'), who);
        write('verified', vouched(verified));
        $('verified').dataset.status = verified?.status ?? 'none';
        write('caller-number', who === name(call.remote) ? whose(call.remote) : call.remote.number || addressOf(call.remote));
        write('forwarded', forwarded ? `Forwarded by ${forwards(call.details)}` : '');
        write('subject', subject ?? '');
        write('more-ring', more.length ? `${more.length} more ${more.length === 1 ? 'is' : 'are'} calling` : '');
        for (const id of ['caller-number', 'verified', 'forwarded', 'subject', 'more-ring']) show(id, !!$(id).textContent);
        const { busy } = this.lines;
        write('answer-text', busy ? 'Hold and answer' : 'Answer');
        show('answer-end', busy);
        if (document.activeElement === document.body) $('answer').focus();
    }
}
