/** What the phone says, and how it writes names, numbers and times. */

export const stateTexts = {
    idle: 'Ready',
    trying: 'Calling…',
    ringing: 'Ringing…',
    early: 'Ringing…',
    answering: 'Answering…',
    active: 'Connected',
};

const errorTexts = {
    'media-denied': 'The browser does not let this page use the microphone or the camera.',
    'media-missing': 'This computer has no microphone, or no camera.',
    'not-found': 'There is nobody by this name.',
    'no-route': 'No route leads to this number.',
    'answered-elsewhere': 'Answered on another device.',
    pulled: 'The call went on on another device of yours.',
    busy: 'The other side is busy.',
    declined: 'The other side declined.',
    unavailable: 'The other side cannot be reached now.',
    auth: 'The log-in was refused.',
    forbidden: 'You may not do that.',
    network: 'The connection to the gateway is lost.',
    replaced: 'This log-in went on in another tab.',
};

export function errorText(kind, text, sip) {
    return sentence(errorTexts[kind] ?? text ?? kind) + (sip ? ` (SIP ${sip.status} ${sip.reason})` : '');
}

export function sentence(text) {
    const first = text.charAt(0).toUpperCase() + text.slice(1);
    return /[.!?…]$/.test(first) ? first : `${first}.`;
}

export function name({ anonymous, display, number, user, uri }) {
    return anonymous ? 'Number withheld' : display || number || user || uri.replace(/^user:/, '');
}

/** What to dial to reach a party; empty when it is not known. */
export function addressOf({ anonymous, number, user, uri = '' }) {
    if (anonymous) return '';
    return user ? `user:${user}` : number || uri;
}

/* A name is what the caller says; a number is vouched for, or not. */
export function whose({ anonymous, display, number, asserted }) {
    if (anonymous || !number || !display) return number && asserted ? '✓' : '';
    return asserted ? `${number} ✓` : number;
}

const forwardTexts = {
    'user-busy': 'was busy',
    'no-answer': 'did not answer',
    unavailable: 'was not reachable',
};

// STIR/SHAKEN. Only A says that the number is the caller's own.
export function vouched({ status, attest } = {}) {
    if (status === 'failed') return '⚠ The number could not be verified';
    if (status !== 'passed') return '';
    return attest === 'A' ? '✓ Verified number' : 'The network of the caller is verified, the number is not';
}

export function forwards({ forwarded = [] }) {
    return forwarded
        .map((by) => `${name({ ...by, display: by.name })}${forwardTexts[by.reason] ? `, who ${forwardTexts[by.reason]}` : ''}`)
        .join('; ');
}

/** 75 s is 1:15. */
export function duration(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const two = (n) => String(n).padStart(2, '0');
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function timeOfDay(ms) {
    return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

export function day(ms, now = Date.now()) {
    const midnight = (at) => new Date(at).setHours(0, 0, 0, 0);
    const days = Math.round((midnight(now) - midnight(ms)) / 86_400_000);
    if (days === 0) return 'Today';
    if (days === 1) return 'Yesterday';
    return new Date(ms).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
}
