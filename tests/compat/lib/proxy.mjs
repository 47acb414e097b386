// Stands in front of a server at its public address, hands everything on unchanged, and adds the two control routes of the scenarios:
//   GET  /__test/outbox?type=&to=&after=   the mails that the server sent
//   POST /__test/patch {model, where, set} an UPDATE on the server's rows
import { once } from 'node:events';
import http from 'node:http';

export class Proxy {
  #server;
  #upstream;

  static async start() {
    const proxy = new Proxy();
    proxy.#server = http.createServer((request, response) => {
      proxy.#answer(request, response).catch((error) => {
        if (!response.headersSent) response.writeHead(502, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ harness: error.stack }));
      });
    });
    proxy.#server.listen(0, 'localhost');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get base() {
    return `http://localhost:${this.#server.address().port}`;
  }

  /** `upstream`: the server's loopback `port`, its `database`, and the mail `sink` it sends to, if any. */
  connect(upstream) {
    this.#upstream = upstream;
  }

  stop() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.base);
    const { database, sink } = this.#upstream;
    const json = (value) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (url.pathname === '/__test/outbox') {
      const { type, to, after } = Object.fromEntries(url.searchParams);
      return json(sink ? await sink.mails({ type, to, after: Number(after ?? 0) }) : []);
    }
    if (url.pathname === '/__test/patch') {
      const { model, where, set } = JSON.parse(await text(request));
      return json({ changes: await database.patch(model, where, set) });
    }
    return this.#forward(request, response);
  }

  #forward(request, response) {
    const headers = request.rawHeaders.slice();
    // A scenario speaks for many clients; the server learns their addresses as it would from a load balancer.
    if (request.headers['x-test-ip']) headers.push('X-Forwarded-For', request.headers['x-test-ip']);
    const { port } = this.#upstream;
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method: request.method, path: request.url, headers, setHost: false };
      const upstream = http.request(options, (answer) => {
        response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
        answer.pipe(response).on('finish', resolve);
      });
      upstream.on('error', reject);
      request.pipe(upstream);
    });
  }
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
