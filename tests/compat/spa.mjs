// The static page of examples/spa in a browser: built against a server on another origin, served by a plain static server, used as a
// person would.
//
//   node spa.mjs        on SQLite; on PostgreSQL when TEST_DATABASE_URL is set
//
// IDENTITY_SERVER_BIN and CHROMIUM_BIN name the programs; the defaults are target/debug/identity-server and /usr/bin/chromium.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { startTarget } from './lib/target.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const PASSWORD = 'correct horse battery';

let passed = 0;
async function chapter(title, act) {
  await act();
  passed += 1;
  console.log(`ok - ${title}`);
}

/** A static server, as dumb as they come. */
async function serve(folder) {
  const server = http.createServer(async (request, response) => {
    const name = path.basename(new URL(request.url, 'http://x').pathname) || 'index.html';
    const body = await fs.readFile(path.join(folder, name)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { 'content-type': TYPES[path.extname(name)] ?? 'text/plain' }).end(body);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://localhost:${server.address().port}`, stop };
}

const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'identity-spa-'));
const [site, stranger] = [await serve(folder), await serve(folder)];
const identity = await startTarget({
  name: 'spa',
  binary: path.resolve(process.env.IDENTITY_SERVER_BIN ?? path.join(here, '../../target/debug/identity-server')),
  postgres: process.env.TEST_DATABASE_URL,
  profile: {
    env: {
      IDENTITY_SECRETS__SECRET: 'the secret of a trust anchor with a page',
      IDENTITY_HTTP__TRUSTED_ORIGINS: site.origin,
      IDENTITY_TELEMETRY__METRICS_LISTEN: '',
    },
  },
});
await promisify(execFile)(process.execPath, [path.join(here, '../../examples/spa/build.mjs'), folder], {
  env: { ...process.env, IDENTITY_URL: identity.base },
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const asked = new Set();
  const faults = [];
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
  page.on('pageerror', (error) => faults.push(error.message));
  const fill = async (form, fields) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${form} [name=${name}]`, value);
    await page.click(`#${form} button`);
  };
  const greeted = (name) => page.waitForSelector(`#member:not([hidden]) #name:text-is("${name}")`);
  const visiting = () => page.waitForSelector('#visitor:not([hidden])');

  await chapter('a visitor sees the forms', async () => {
    await page.goto(site.origin);
    await visiting();
  });
  await chapter('ann signs up and sees her session', async () => {
    await fill('sign-up', { name: 'Ann', email: 'ann@example.com', password: PASSWORD });
    await greeted('Ann');
    assert.equal(await page.textContent('#email'), 'ann@example.com');
    assert.ok(Date.parse(await page.getAttribute('#expires', 'datetime')) > Date.now());
  });
  await chapter('her session outlives a reload, and no script can read its cookie', async () => {
    await page.reload();
    await greeted('Ann');
    assert.equal(await page.evaluate(() => document.cookie), '');
  });
  await chapter('she changes her name', async () => {
    await fill('change-name', { name: 'Ann Other' });
    await greeted('Ann Other');
    await page.reload();
    await greeted('Ann Other');
  });
  await chapter('she signs out', async () => {
    await page.click('#sign-out');
    await visiting();
    await page.reload();
    await visiting();
  });
  await chapter('a wrong password is told to her, the right one lets her in', async () => {
    await fill('sign-in', { email: 'ann@example.com', password: 'not the password' });
    await page.waitForSelector('#message:text-is("Invalid email or password")');
    await fill('sign-in', { email: 'ann@example.com', password: PASSWORD });
    await greeted('Ann Other');
  });
  await chapter('the same page on an origin that is not trusted learns nothing', async () => {
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().includes('/get-session')).catch((error) => error),
      page.goto(stranger.origin),
    ]);
    assert.equal(answer.headers?.()['access-control-allow-origin'], undefined);
    await page.waitForSelector('#message:not([hidden])');
    assert.ok(await page.isHidden('#member'));
  });
  await chapter('nothing is loaded from anywhere else', async () => {
    asked.delete('null');
    assert.deepEqual([...asked].sort(), [site.origin, stranger.origin, identity.base].sort());
    assert.deepEqual(faults, []);
  });
} catch (error) {
  console.error(identity.log());
  throw error;
} finally {
  await browser.close();
  await identity.stop();
  site.stop();
  stranger.stop();
  await fs.rm(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, 0 failed`);
