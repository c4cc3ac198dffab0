/** What every part of the page does with the page. */

export const $ = (id) => document.getElementById(id);

export function show(id, visible) {
    const element = typeof id === 'string' ? $(id) : id;
    if (element.hidden === visible) element.hidden = !visible;
}

/* The same text again would be read out again. */
export function write(id, text) {
    const element = $(id);
    if (element.textContent !== text) element.textContent = text;
}

/** A listener that keeps the browser from doing its own. */
export function on(id, event, action) {
    $(id).addEventListener(event, (happened) => {
        happened.preventDefault();
        void action(happened);
    });
}

export function press(id, on) {
    $(id).setAttribute('aria-pressed', String(on));
}

/** An element; `props` are its properties, those with a dash attributes. */
export function make(tag, props = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props))
        if (/-|^role$/.test(name)) element.setAttribute(name, value);
        else element[name] = value;
    element.append(...inside);
    return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name) {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS(SVG, 'use');
    use.setAttribute('href', `icons.svg#${name}`);
    svg.append(use);
    return svg;
}

/** A button that is an icon; what it does is told to who cannot see it. */
export function iconButton(name, label, action, props = {}) {
    const button = make('button', { type: 'button', className: 'round', title: label, 'aria-label': label, ...props }, icon(name));
    button.addEventListener('click', action);
    return button;
}

/** Initials on one of eight colours, the same for the same name. */
export function paintAvatar(element, name) {
    const words = name.replace(/^(sip|user|tel):/, '').split(/[\s.@_-]+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
    const letters = /^[+\d]/.test(words[0] ?? '') ? '' : words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join('');
    const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 7) % 8;
    if (element.dataset.of === name) return;
    element.dataset.of = name;
    element.dataset.hue = String(hue);
    element.setAttribute('aria-hidden', 'true');
    element.replaceChildren(letters || icon('person'));
}

export function avatar(name) {
    const element = make('span', { className: 'avatar' });
    paintAvatar(element, name);
    return element;
}

/** Said to who cannot see the page; `now`: ahead of what is being said. */
export function announce(text, now = false) {
    write(now ? 'alarm' : 'announce', text);
}

/* A field that gets the focus opens a keyboard on a telephone. */
export function focusField(id) {
    if (matchMedia('(hover: hover)').matches) $(id).focus();
}

export const typing = (target) => target instanceof HTMLElement && target.matches('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]');
