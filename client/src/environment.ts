import type { ClientInfo } from './protocol.js';

export interface Environment {
    browser: string;
    version: string;
    os: string;
    mobile: boolean;
    /** RTCPeerConnection and a microphone can be had here. */
    webrtc: boolean;
    /** Served over https or from this machine; browsers give no microphone elsewhere. */
    secure: boolean;
    screenShare: boolean;
    insertableStreams: boolean;
    /** Names of audio and video codecs, such as `opus`, `H264`. */
    codecs: string[];
}

interface Brand {
    brand: string;
    version: string;
}
interface UserAgentData {
    brands: Brand[];
    mobile: boolean;
    platform: string;
}

/* The first that matches names the browser: each later one's name is also in the earlier ones' text. */
const browsers: [name: string, version: RegExp][] = [
    ['Edge', /\bEdg(?:e|A|iOS)?\/([\d.]+)/],
    ['Opera', /\bOPR\/([\d.]+)/],
    ['Samsung Internet', /\bSamsungBrowser\/([\d.]+)/],
    ['Firefox', /\b(?:Firefox|FxiOS)\/([\d.]+)/],
    ['Chromium', /\bChromium\/([\d.]+)/],
    ['Chrome', /\b(?:Headless)?Chrome\/([\d.]+)/],
    ['Chrome', /\bCriOS\/([\d.]+)/],
    ['Safari', /\bVersion\/([\d.]+).*\bSafari\//],
    ['WebKit', /\bAppleWebKit\/([\d.]+)/],
];

const systems: [name: string, pattern: RegExp][] = [
    ['Android', /Android/],
    ['iOS', /iPhone|iPad|iPod/],
    ['Windows', /Windows/],
    ['ChromeOS', /CrOS/],
    ['macOS', /Mac OS X|Macintosh/],
    ['Linux', /Linux/],
];

/** What this browser is and can do. Decide by the abilities; the names are for logs. */
export function environment(): Environment {
    const nav = typeof navigator === 'undefined' ? undefined : navigator;
    const hints = (nav as (Navigator & { userAgentData?: UserAgentData }) | undefined)
        ?.userAgentData;
    const text = nav?.userAgent ?? '';
    const [name, version] = browserOf(text, hints);
    const os = hints?.platform || (systems.find(([, pattern]) => pattern.test(text))?.[0] ?? '');
    const media = nav?.mediaDevices;
    const webrtc = typeof RTCPeerConnection !== 'undefined' && !!media?.getUserMedia;
    return {
        browser: name === 'Safari' && os === 'Linux' ? 'WebKitGTK' : name,
        version,
        os,
        mobile: hints?.mobile ?? /Mobi|Android/.test(text),
        webrtc,
        secure: typeof isSecureContext !== 'undefined' && isSecureContext,
        screenShare: webrtc && 'getDisplayMedia' in media,
        insertableStreams:
            typeof RTCRtpSender !== 'undefined' &&
            ('transform' in RTCRtpSender.prototype ||
                'createEncodedStreams' in RTCRtpSender.prototype),
        codecs: typeof RTCRtpReceiver === 'undefined' ? [] : codecs(),
    };
}

function browserOf(text: string, hints: UserAgentData | undefined): [string, string] {
    const brand = hints?.brands.find(({ brand }) => !/Not.?A.?Brand|^Chromium$/i.test(brand));
    const known = brand ?? hints?.brands.find(({ brand }) => brand === 'Chromium');
    if (known) return [known.brand.replace(/^(Google|Microsoft|Headless) ?/, ''), known.version];
    for (const [name, pattern] of browsers) {
        const version = pattern.exec(text)?.[1];
        if (version) return [name, version];
    }
    return ['', ''];
}

function codecs(): string[] {
    const names = new Set<string>();
    for (const kind of ['audio', 'video'])
        for (const codec of RTCRtpReceiver.getCapabilities?.(kind)?.codecs ?? []) {
            const name = codec.mimeType.split('/')[1] ?? '';
            if (!/^(rtx|red|ulpfec|flexfec-03|telephone-event|CN)$/i.test(name)) names.add(name);
        }
    return [...names];
}

/** What session.open tells the gateway, each text within the protocol's 64 bytes. */
export function clientInfo(library: string): ClientInfo {
    const { browser, version, os } = environment();
    const short = (text: string) => text.replace(/[^ -~]/g, '').slice(0, 64);
    return { browser: short(browser), version: short(version), os: short(os), library };
}
