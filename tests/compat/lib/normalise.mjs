// Replaces what differs from run to run (tokens, ids, dates, signatures, ports) by stable names, so that two runs compare as data.
// A value gets its name when it is first seen under a telling key; later it is recognised wherever it stands, also inside URLs.

const TOKEN_KEYS = new Set(['token', 'code']);

export class Normaliser {
  #names = new Map();
  #counts = {};
  #run;

  /** `run` is the part of addresses and names that is drawn anew for each run. */
  constructor(run) {
    this.#run = run;
  }

  /** Learns every value of `value` that has to be named. */
  learn(value, key = '') {
    if (typeof value === 'string') return this.#learnText(value, key);
    if (Array.isArray(value)) return value.forEach((item) => this.learn(item, key));
    if (value && typeof value === 'object') {
      // Tokens last: where a server shows an id in place of a token, the id keeps its name.
      const entries = Object.entries(value).sort(([a], [b]) => (a === 'token') - (b === 'token'));
      for (const [name, item] of entries) this.learn(item, name);
    }
  }

  /** `value` with every learned value replaced by its name. */
  apply(value, key = '') {
    if (typeof value === 'string') return this.#text(value);
    if (value instanceof Date) return '<date>';
    if (typeof value === 'number' && /(iat|exp|expires_at|updatedAt)$/i.test(key)) return '<num>';
    if (Array.isArray(value)) return value.map((item) => this.apply(item, key));
    if (value && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [this.#text(name), this.apply(item, name)]));
    }
    return value;
  }

  #learnText(text, key) {
    if (text.length < 6 || /^<.*>$/.test(text) || /^https?:/.test(text)) return;
    const lower = key.toLowerCase();
    if (/^ey[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) this.#name(text, 'jwt');
    else if ((lower === 'otp' || lower === 'code') && /^\d{6}$/.test(text)) {
      if (text !== '000000') this.#names.set(text, '<otp>');
    } else if (TOKEN_KEYS.has(lower) && !text.includes('@') && !/^[A-Z_]+$/.test(text)) {
      this.#name(text, lower.includes('token') ? 'token' : lower);
    } else if (text.length >= 16 && (lower === 'id' || key.endsWith('Id')) && text !== 'credential') this.#name(text, 'id');
  }

  #name(text, kind) {
    if (this.#names.has(text)) return;
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    this.#names.set(text, `<${kind}#${this.#counts[kind]}>`);
  }

  #text(text) {
    for (const [value, name] of [...this.#names].sort(([a], [b]) => b.length - a.length)) {
      text = text.split(value).join(name);
      const encoded = encodeURIComponent(value);
      if (encoded !== value) text = text.split(encoded).join(name);
    }
    return text
      .replaceAll(this.#run, 'RUN')
      .replaceAll(this.#run.toUpperCase(), 'RUN')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g, '<date>')
      .replace(/ey[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '<jwt>')
      .replace(/[A-Za-z0-9+/]{43}(=|%3D)/g, '<sig>')
      .replace(/http:\/\/localhost:\d+/g, 'BASE')
      .replace(/http%3A%2F%2Flocalhost%3A\d+/g, 'BASE');
  }
}
