/** What the user chose, for this browser. */
import { Emitter } from './emitter.js';
import { load, save } from './store.js';

const defaults = {
    theme: 'system', // light, dark
    shortcuts: true,
    notify: false,
    notifyAsked: false,
    raw: false, // sound as it is, without echo or noise removal
    microphone: '', // device ids; empty: the browser's own choice
    speaker: '',
    camera: '',
};

class Settings extends Emitter {
    #values = { ...defaults, ...load('settings', {}) };

    get(name) {
        return this.#values[name];
    }

    set(name, value) {
        this.#values[name] = value;
        save('settings', this.#values);
        this.emit(name, value);
    }
}

export const settings = new Settings();

/** Query and tests: for this page only. */
export const once = { raw: false };

/** Constraints for the microphone and the camera that were chosen. A device that is gone is not insisted on. */
export function microphone() {
    const chosen = settings.get('microphone');
    const asIs = settings.get('raw') || once.raw;
    return {
        ...(chosen && { deviceId: { ideal: chosen } }),
        ...(asIs && { echoCancellation: false, noiseSuppression: false, autoGainControl: false }),
    };
}

export function camera() {
    const chosen = settings.get('camera');
    return { width: { ideal: 1280 }, height: { ideal: 720 }, ...(chosen && { deviceId: { ideal: chosen } }) };
}
