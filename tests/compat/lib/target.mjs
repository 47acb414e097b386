// One identity-server under test: the built binary with a profile's environment, in a folder and on ports of its own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Postgres, Sqlite } from './database.mjs';
import { Proxy } from './proxy.mjs';
import { MailSink } from './smtp.mjs';

const START_LIMIT = 60_000;

/**
 * Starts `binary` under `profile`, on SQLite or on the PostgreSQL server `postgres`. Answers `{ base, stop, log, run, mails }`: `run` is another
 * command of the program with the same settings, `mails` what `MailSink.mails` answers.
 */
export async function startTarget({ name, profile, binary, postgres }) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), `identity-compat-${name}-`));
  const database = postgres ? await Postgres.create(postgres) : new Sqlite(path.join(folder, 'identity.db'));
  const proxy = await Proxy.start();
  const sink = profile.mail ? await MailSink.start() : undefined;
  const port = await freePort();

  const env = {
    PATH: process.env.PATH,
    IDENTITY_HTTP__LISTEN: `127.0.0.1:${port}`,
    IDENTITY_HTTP__BASE_URL: proxy.base,
    IDENTITY_DATABASE__URL: database.url,
    ...(sink ? { IDENTITY_MAIL__SMTP_URL: sink.url, IDENTITY_MAIL__FROM: 'Identity <no-reply@identity.test>' } : {}),
    ...profile.env,
  };
  const child = spawn(binary, ['serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  let exit;
  child.on('error', (error) => (exit = error.message));
  child.on('exit', (code, signal) => (exit ??= `it ended with ${signal ?? code}`));
  const log = () => Buffer.concat(output).toString('utf8');

  proxy.connect({ port, database, sink });

  const stop = async () => {
    if (!exit) {
      child.kill('SIGTERM');
      await Promise.race([once(child, 'exit'), delay(10_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
    }
    proxy.stop();
    sink?.stop();
    await database.drop();
    await fs.rm(folder, { recursive: true, force: true });
  };

  const deadline = Date.now() + START_LIMIT;
  while (!(await isReady(port))) {
    if (exit || Date.now() > deadline) {
      await stop();
      throw new Error(`${binary} did not become ready under profile ${name}: ${exit ?? 'time is up'}\n${log()}`);
    }
    await delay(50);
  }
  const run = (...words) => promisify(execFile)(binary, words, { cwd: folder, env });
  return { base: proxy.base, stop, log, run, mails: (wanted) => sink.mails(wanted) };
}

/** Whether the server on `port` answers. */
export async function isReady(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  } catch {
    return false;
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
