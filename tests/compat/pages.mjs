// The pages in a browser, at the width of a phone and of a desk, light and dark: nothing that axe finds serious, no sideways scroll,
// nothing that the content security policy has to stop; and the ways through them, with scripts and without.
//
//   node pages.mjs      on SQLite; on PostgreSQL when TEST_DATABASE_URL is set
//
// IDENTITY_SERVER_BIN and CHROMIUM_BIN name the programs; the defaults are target/debug/identity-server and /usr/bin/chromium.
// PAGES_SHOTS names a folder for pictures of every page.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { startTarget } from './lib/target.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const binary = path.resolve(process.env.IDENTITY_SERVER_BIN ?? path.join(here, '../../target/debug/identity-server'));
const shots = process.env.PAGES_SHOTS;
const ANN = { name: 'Ann Adeyemi', email: 'ann@example.com', password: 'correct horse battery' };
const LOOKS = [390, 1280].flatMap((width) => ['light', 'dark'].map((scheme) => ({ width, scheme })));

let passed = 0;
async function chapter(title, act) {
  await act();
  passed += 1;
  console.log(`ok - ${title}`);
}

/** An application: it takes answers at /callback, sends the browser on to its other host, and shows there what it got. */
async function application() {
  const got = [];
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://x');
    if (url.pathname === '/callback') {
      let body = '';
      for await (const chunk of request) body += chunk;
      const answer = Object.fromEntries(new URLSearchParams(request.method === 'POST' ? body : url.search));
      got.push({ method: request.method, ...answer });
      const other = `http://localhost:${server.address().port}/done`;
      response.writeHead(303, { location: other }).end();
    } else {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Ledger</title><p id="done">done');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, got, stop };
}

const ledger = await application();
const identity = await startTarget({
  name: 'pages',
  binary,
  postgres: process.env.TEST_DATABASE_URL,
  profile: {
    mail: true,
    env: {
      IDENTITY_SECRETS__SECRET: 'the secret of a server with pages to look at',
      IDENTITY_LIMITS__ENABLED: 'false',
      IDENTITY_TELEMETRY__METRICS_LISTEN: '',
    },
  },
});
const client = (id, name, ...more) => identity.run('clients', 'create', '--id', id, '--name', name, '--public', ...more);
const redirect = ['--redirect-uri', `${ledger.origin}/callback`];
const link = async (type) => (await identity.mails({ type, to: ANN.email })).at(-1).url;

/** The address of an authorization request. */
function asks(more = {}) {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'ledger',
    redirect_uri: `${ledger.origin}/callback`,
    scope: 'openid profile email offline_access',
    state: 'a state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...more,
  });
  return `${identity.base}/oauth2/authorize?${query}`;
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const faults = [];
async function visitor(options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(20_000);
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    // A page that was refused says so with its status; the browser complains about every one.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}
const signIn = async (page, person = ANN) => {
  await page.fill('#username', person.email);
  await page.fill('#password', person.password);
  await page.click('#login-submit');
};
const arrived = (page) => page.waitForSelector('#done');

/** Looks at a page in every look. */
async function inspect(page, name) {
  for (const { width, scheme } of LOOKS) {
    await page.setViewportSize({ width, height: 844 });
    // A button on its way from one colour to the other would be measured in between.
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    const where = `${name} at ${width} px, ${scheme}`;
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${where} scrolls sideways by ${overflow} px`);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }));
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    assert.deepEqual(told, [], where);
    if (shots) await page.screenshot({ path: path.join(shots, `${name.replaceAll(' ', '-')}-${width}-${scheme}.png`), fullPage: true });
  }
}

try {
  if (shots) await fs.mkdir(shots, { recursive: true });
  await client('ledger', 'Ledger', ...redirect, '--grant', 'authorization_code', '--grant', 'refresh_token');
  await client('own', 'Almanac', ...redirect, '--first-party');
  await client('foundry', 'Foundry CLI', '--grant', 'device_code');

  const page = await visitor();
  await chapter('ann signs up on the way to an application and allows it', async () => {
    await page.goto(asks());
    await inspect(page, 'login');
    await page.click('text=Create an account');
    await inspect(page, 'register');
    await page.fill('#reg-name', ANN.name);
    await page.fill('#reg-email', ANN.email);
    await page.fill('#reg-password', ANN.password);
    await page.click('#register-submit');
    await page.waitForSelector('#consent-allow');
    await inspect(page, 'consent');
    await page.click('#consent-allow');
    await arrived(page);
    const answer = ledger.got.pop();
    assert.ok(answer.code);
    assert.equal(answer.state, 'a state');
    assert.equal(answer.iss, identity.base);
  });
  await chapter('a form that ends at an application, and its redirect to another host, are let through', async () => {
    await page.goto(asks({ client_id: 'own', prompt: 'login' }));
    assert.equal(await page.inputValue('#username'), ANN.email);
    await page.fill('#password', ANN.password);
    await page.click('#login-submit');
    await arrived(page);
    assert.ok(ledger.got.pop().code);
  });
  await chapter('an answer by form goes on by itself', async () => {
    await page.goto(asks({ client_id: 'own', response_mode: 'form_post' }));
    // Any program could listen on a loopback address, so that even a client of ours gets nothing in silence there.
    await page.click('#consent-allow');
    await arrived(page);
    const answer = ledger.got.pop();
    assert.equal(answer.method, 'POST');
    assert.ok(answer.code);
  });
  await chapter('cancelling and refusing are answers too', async () => {
    await page.goto(asks({ prompt: 'consent' }));
    await page.click('#consent-deny');
    await arrived(page);
    assert.equal(ledger.got.pop().error, 'access_denied');
    await page.goto(asks({ prompt: 'login' }));
    await page.click('#login-cancel');
    await arrived(page);
    assert.equal(ledger.got.pop().error, 'access_denied');
  });
  await chapter('every other page passes', async () => {
    await page.goto(asks({ prompt: 'select_account' }));
    await inspect(page, 'select account');
    await page.goto(`${identity.base}/ui/account`);
    await inspect(page, 'account');
    await page.goto(asks({ client_id: 'nobody' }));
    await page.waitForSelector('#oauth-error');
    await inspect(page, 'error');
    await page.goto(`${identity.base}/ui/nowhere`);
    await inspect(page, 'not found');
    await page.goto(`${identity.base}/ui/logout`);
    await inspect(page, 'logout');
    await page.click('#logout-confirm');
    await page.waitForSelector('#logged-out');
    await inspect(page, 'logged out');
  });
  await chapter('forms with something wrong pass', async () => {
    await page.goto(asks());
    await signIn(page, { ...ANN, password: 'not the password' });
    await page.waitForSelector('#login-error');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'password');
    await inspect(page, 'login refused');
    await page.goto(`${identity.base}/ui/register?ui_locales=fr`);
    await page.evaluate(() => document.querySelector('main form').setAttribute('novalidate', ''));
    await page.fill('#reg-email', 'ann');
    await page.click('#register-submit');
    await page.waitForSelector('[role=alert]');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'reg-name');
    await inspect(page, 'register refused in French');
    await page.goto(`${identity.base}/ui/login?ui_locales=en`);
  });
  await chapter('a forgotten password is replaced', async () => {
    await page.goto(asks({ client_id: 'own' }));
    await page.click('text=Forgot your password?');
    await inspect(page, 'forgot');
    await page.fill('#email', ANN.email);
    await page.click('#forgot-submit');
    await page.waitForSelector('#forgot-sent');
    await inspect(page, 'forgot sent');
    await page.goto(await link('reset'));
    await page.waitForSelector('#new-password');
    await inspect(page, 'reset');
    ANN.password = 'another horse entirely';
    await page.fill('#new-password', ANN.password);
    await page.click('#reset-submit');
    await arrived(page);
    assert.ok(ledger.got.pop().code);
    await page.goto(`${identity.base}/ui/reset?token=x`);
    await inspect(page, 'reset over');
  });
  await chapter('an address is proved', async () => {
    await page.context().clearCookies();
    await page.goto(`${identity.base}/ui/verify`);
    await inspect(page, 'verify without an address');
    await page.fill('#email', ANN.email);
    await page.click('#verify-send');
    await page.waitForSelector('#code');
    await inspect(page, 'verify');
    await page.goto(await link('verify'));
    await page.waitForSelector('#login-submit');
    await inspect(page, 'login after the proof');
  });
  await chapter('a device is let in', async () => {
    await signIn(page);
    await page.waitForURL(`${identity.base}/`);
    await page.goto(`${identity.base}/ui/device`);
    await inspect(page, 'device');
    const body = new URLSearchParams({ client_id: 'foundry', scope: 'openid email' });
    const device = await (await fetch(`${identity.base}/oauth2/device`, { method: 'POST', body })).json();
    await page.fill('#user-code', device.user_code.toLowerCase());
    await page.click('#device-submit');
    await page.waitForSelector('#consent-allow');
    await inspect(page, 'device confirm');
    await page.click('#consent-allow');
    await page.waitForSelector('#device-done');
    await inspect(page, 'device done');
  });
  await chapter('everything works without scripts, and by keyboard', async () => {
    const plain = await visitor({ javaScriptEnabled: false, locale: 'fr-FR' });
    await plain.goto(asks({ client_id: 'own', response_mode: 'form_post' }));
    assert.ok((await plain.textContent('h1')).includes('Se connecter à Almanac'));
    await plain.keyboard.type(ANN.email);
    await plain.keyboard.press('Tab');
    await plain.keyboard.type(ANN.password);
    await plain.keyboard.press('Enter');
    await plain.waitForSelector('#form-post-continue');
    if (shots) await plain.screenshot({ path: path.join(shots, 'form-post.png') });
    await plain.keyboard.press('Enter');
    await arrived(plain);
    assert.ok(ledger.got.pop().code);
  });
  await chapter('no page can be framed, and the policy stopped nothing', async () => {
    const frame = await visitor();
    await frame.goto(ledger.origin);
    const before = faults.length;
    await frame.setContent(`<iframe src="${identity.base}/ui/login"></iframe>`);
    await frame.waitForTimeout(500);
    const inside = frame.frames().find((each) => each !== frame.mainFrame());
    assert.equal(await inside.$('#login-submit'), null);
    faults.length = before;
    assert.deepEqual(faults, []);
  });
} catch (error) {
  console.error(identity.log());
  console.error(faults);
  throw error;
} finally {
  await browser.close();
  await identity.stop();
  ledger.stop();
}
console.log(`${passed} passed, 0 failed`);
