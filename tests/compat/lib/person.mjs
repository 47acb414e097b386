// Somebody with a browser without JavaScript: keeps cookies, follows redirects within the provider, fills in forms by their ids.
import assert from 'node:assert/strict';

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'", '#x27': "'", '#34': '"', '#38': '&', '#60': '<', '#62': '>' };
const decode = (text) => text.replace(/&([a-z]+|#x?[0-9a-f]+);/gi, (whole, name) => ENTITIES[name.toLowerCase()] ?? whole);
const attributes = (tag) =>
  Object.fromEntries([...tag.matchAll(/\s([a-z-]+)(?:="([^"]*)")?/gi)].map(([, name, value]) => [name.toLowerCase(), decode(value ?? '')]));

export class Person {
  #cookies = new Map();

  /** Where requests go is whatever is asked for, as long as it is below `issuer`; everything else is a client's. */
  constructor(issuer, { email, password } = {}) {
    Object.assign(this, { issuer, email, password });
  }

  async #fetch(url, init = {}) {
    const headers = new Headers(init.headers);
    if (this.#cookies.size) headers.set('cookie', [...this.#cookies].map((pair) => pair.join('=')).join('; '));
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...rest] = line.split(/;\s*/);
      const at = pair.indexOf('=');
      if (rest.some((attribute) => /^max-age=0$/i.test(attribute))) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  forgetsCookies() {
    this.#cookies.clear();
  }

  /** Opens a page and follows redirects. Ends at a page of the provider, `{ url, status, html }`, or at a client's, `{ url, body? }`. */
  async opens(url, init) {
    let at = new URL(url);
    let response = await this.#fetch(at, init);
    for (let hops = 0; response.status >= 300 && response.status < 400; hops += 1) {
      assert.ok(hops < 12, `a redirect without end at ${at}`);
      assert.ok([302, 303].includes(response.status), `a redirect is a ${response.status}`);
      at = new URL(response.headers.get('location'), at);
      if (!at.href.startsWith(this.issuer)) return { url: at };
      response = await this.#fetch(at);
    }
    return { url: at, status: response.status, html: await response.text() };
  }

  /** Submits the form in which the element `submit` stands, with `values` by name. */
  async submits(page, submit, values = {}) {
    const forms = page.html.match(/<form[\s\S]*?<\/form>/gi) ?? [];
    const form = forms.find((text) => text.includes(`id="${submit}"`));
    assert.ok(form, `there is no ${submit} on ${page.url} (${page.status}):\n${page.html}`);
    const { action = '', method = 'get' } = attributes(form.match(/<form[^>]*>/i)[0]);
    const fields = new URLSearchParams();
    for (const [tag] of form.matchAll(/<input[^>]*>/gi)) {
      const { name, value = '', type = 'text', checked } = attributes(tag);
      if (!name || (['checkbox', 'radio'].includes(type) && checked === undefined)) continue;
      fields.set(name, name in values ? values[name] : value || (type === 'checkbox' ? 'on' : ''));
    }
    const button = attributes(form.match(new RegExp(`<(?:button|input)[^>]*id="${submit}"[^>]*>`, 'i'))[0]);
    if (button.name) fields.set(button.name, button.value ?? '');
    for (const [name, value] of Object.entries(values)) if (!fields.has(name)) fields.set(name, value);
    const target = new URL(action || page.url, page.url);
    if (!target.href.startsWith(this.issuer)) return { url: target, body: fields };
    assert.equal(method.toLowerCase(), 'post');
    return this.opens(target, {
      method: 'POST',
      body: fields,
      headers: { origin: new URL(this.issuer).origin, 'sec-fetch-site': 'same-origin' },
    });
  }

  /** Goes through sign-in and consent, whichever is asked for, until the client has its answer. */
  async authorizes(url) {
    let page = await this.opens(url);
    for (let steps = 0; page.html !== undefined; steps += 1) {
      assert.ok(steps < 6, `no end in sight at ${page.url}`);
      if (page.html.includes('id="login-submit"')) {
        page = await this.submits(page, 'login-submit', { username: this.email, password: this.password });
      } else if (page.html.includes('id="consent-allow"')) {
        page = await this.submits(page, 'consent-allow');
      } else if (page.html.includes('id="form-post-continue"')) {
        page = await this.submits(page, 'form-post-continue');
      } else {
        assert.fail(`nothing to do on ${page.url} (${page.status}):\n${page.html}`);
      }
    }
    return page;
  }
}
