// One browser: the official client with a cookie jar of its own, and raw requests where the client would not send what a test needs.
import http from 'node:http';
import { createAuthClient } from 'better-auth/client';
import { emailOTPClient } from 'better-auth/client/plugins';

const RECORDED_HEADERS = [
  'content-type', 'location', 'x-retry-after', 'cache-control', 'pragma', 'access-control-expose-headers', 'www-authenticate', 'retry-after',
];

class Jar {
  #cookies = new Map();

  get size() {
    return this.#cookies.size;
  }

  header() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  take(setCookies) {
    for (const line of setCookies) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const at = pair.indexOf('=');
      if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }

  /** The decoded value of the cookie whose name ends in `suffix`. */
  get(suffix) {
    for (const [name, value] of this.#cookies) if (name.endsWith(suffix)) return decodeURIComponent(value);
  }
}

/** An agent of the server at `base`. `record` is given every exchange, `learn` every value that may have to be named. */
export function createAgent({ base, profile, record, learn }) {
  const jar = new Jar();

  const wire = async (url, { method = 'GET', body }, response) => {
    const requestBody = parsedBody(body);
    const responseBody = await readBody(response);
    learn(responseBody);
    learn(requestBody);
    const { pathname, search, searchParams } = new URL(url);
    const location = response.headers.get('location');
    if (location && URL.canParse(location, base)) learn(Object.fromEntries(new URL(location, base).searchParams));
    learn(Object.fromEntries(searchParams));
    record({
      req: { method, path: pathname.replace(/^\/api\/auth/, '') + search, ...(requestBody == null ? {} : { body: requestBody }) },
      res: {
        status: response.status,
        headers: Object.fromEntries(RECORDED_HEADERS.filter((name) => response.headers.has(name)).map((name) => [name, response.headers.get(name)])),
        cookies: response.headers.getSetCookie().map(cookieView),
        body: responseBody,
      },
    });
    jar.take(response.headers.getSetCookie());
    return response;
  };

  const send = async (url, init = {}) => {
    const headers = new Headers(init.headers);
    if (jar.size) headers.set('cookie', jar.header());
    if (!headers.has('origin')) headers.set('origin', base);
    if (headers.get('origin') === 'none') headers.delete('origin');
    headers.set('user-agent', 'drive');
    return wire(String(url), init, await fetch(url, { ...init, headers, redirect: 'manual' }));
  };

  const absolute = (path) => (path.startsWith('http') ? path : `${base}/api/auth${path}`);

  /** A request as a script on the page would send it: with the page's origin unless `headers` say otherwise. */
  const raw = (method, path, body, headers = {}) => {
    const type = body !== undefined && !headers['content-type'] ? { 'content-type': 'application/json' } : {};
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    return send(absolute(path), { method, headers: { ...type, ...headers }, body: text });
  };

  /** A request with exactly these headers, as a navigation or a tool sends it; fetch would add `Sec-Fetch-Mode`. */
  const bare = (method, path, { headers = {}, body } = {}) => {
    const url = new URL(absolute(path));
    const text = body && JSON.stringify(body);
    const all = { ...headers, 'user-agent': 'drive' };
    if (jar.size) all.cookie = jar.header();
    if (body) all['content-type'] = 'application/json';
    return new Promise((resolve, reject) => {
      const request = http.request(url, { method, headers: all }, async (message) => {
        const chunks = [];
        for await (const chunk of message) chunks.push(chunk);
        const received = new Headers();
        for (let i = 0; i < message.rawHeaders.length; i += 2) received.append(message.rawHeaders[i], message.rawHeaders[i + 1]);
        const empty = [204, 304].includes(message.statusCode);
        const response = new Response(empty ? null : Buffer.concat(chunks), { status: message.statusCode, headers: received });
        resolve(wire(url.href, { method, body: text }, response));
      });
      request.on('error', reject);
      request.end(text);
    });
  };

  const client = createAuthClient({ baseURL: base, fetchOptions: { customFetchImpl: send }, plugins: [emailOTPClient()] });
  const call = async (method) => {
    const result = await method(client);
    record({ client: { data: result?.data, error: result?.error } });
    return result;
  };

  return { jar, call, raw, bare, base, profile };
}

function parsedBody(body) {
  try {
    return typeof body === 'string' ? JSON.parse(body) : body;
  } catch {
    return body;
  }
}

async function readBody(response) {
  const text = await response.clone().text();
  if (text === '') return '<empty>';
  try {
    return JSON.parse(text);
  } catch {
    return response.headers.get('content-type')?.includes('html') ? '<html>' : text.slice(0, 300);
  }
}

function cookieView(line) {
  const [pair, ...attributes] = line.split('; ');
  const at = pair.indexOf('=');
  const name = pair.slice(0, at);
  const value = decodeURIComponent(pair.slice(at + 1));
  const opaque = value && /\.(session_data|email_flow)$/.exec(name)?.[1];
  return { name, value: opaque ? `<${opaque}>` : value, attrs: attributes.join('; ') };
}
