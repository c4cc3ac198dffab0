/** The log of protocol frames. */

const KEEP = 300;

export class Frames {
    constructor(list, count) {
        this.list = list;
        this.count = count;
        this.total = 0;
        this.asked = new Map(); // id of a request -> its method
    }

    add({ direction, time, frame }) {
        const line = make('summary');
        const at = make('time', clock(new Date(time)));
        const what = make('span', this.title(direction, frame));
        what.className = frame.error || frame.params?.sip ? 'what bad' : 'what';
        line.append(at, what);

        const text = JSON.stringify(frame, null, 2).replace(/\\r\\n|\\n/g, '\n    ');
        const details = make('details');
        details.append(line, make('pre', text));
        const item = make('li');
        item.dataset.direction = direction;
        item.append(details);

        const { list } = this;
        const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
        list.append(item);
        if (list.children.length > KEEP) list.firstElementChild.remove();
        if (atEnd) list.scrollTop = list.scrollHeight;
        this.count.textContent = String(++this.total);
    }

    clear() {
        this.list.replaceChildren();
        this.total = 0;
        this.count.textContent = '0';
    }

    title(direction, { id, method, params, error }) {
        const arrow = direction === 'out' ? '→' : '←';
        if (method) {
            if (direction === 'out' && id !== undefined) this.asked.set(id, method);
            const more = params?.state ?? params?.reason ?? params?.to ?? params?.digits ?? '';
            return `${arrow} ${method} ${more}`;
        }
        const about = this.asked.get(id) ?? '';
        this.asked.delete(id);
        return `${arrow} ${about} ${error ? `error: ${error.message}` : 'ok'}`;
    }
}

function clock(date) {
    const ms = String(date.getMilliseconds()).padStart(3, '0');
    return `${date.toTimeString().slice(0, 8)}.${ms}`;
}

function make(tag, text = '') {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
}
