// The five-minute story, with the official client, a mail server and the example base service: sign up, read the mail, verify,
// sign in, ask who is calling, open a wallet once, sign out.
//
//   node story.mjs        on SQLite; on PostgreSQL when TEST_DATABASE_URL is set
//
// IDENTITY_SERVER_BIN and EXAMPLE_BASE_SERVICE_BIN name the binaries; the defaults are those of target/debug.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createAuthClient } from 'better-auth/client';
import { emailOTPClient } from 'better-auth/client/plugins';
import { freePort, startTarget } from './lib/target.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const built = (variable, name) => path.resolve(process.env[variable] ?? path.join(here, '../../target/debug', name));
const SECRET = 'the-secret-of-the-wallet';
const EMAIL = 'ann@example.com';
const PASSWORD = 'correct horse battery';

let passed = 0;
async function chapter(title, act) {
  await act();
  passed += 1;
  console.log(`ok - ${title}`);
}

/** A browser: the official client, over a cookie jar that the wallet shares. */
function browser(base) {
  const jar = new Map();
  const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const take = (response) => {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split('; ');
      const [name, value] = pair.split(/=(.*)/s);
      if (attributes.includes('Max-Age=0')) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  };
  const go = async (url, init = {}) => {
    const headers = new Headers(init.headers);
    if (jar.size) headers.set('cookie', cookie());
    headers.set('origin', base);
    return take(await fetch(url, { redirect: 'manual', ...init, headers }));
  };
  const client = createAuthClient({ baseURL: base, plugins: [emailOTPClient()], fetchOptions: { customFetchImpl: go } });
  return { client, go };
}

async function startWallet(anchor) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'identity-story-'));
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    ANCHOR_URL: anchor,
    LISTEN: `127.0.0.1:${port}`,
    SERVICE_NAME: 'wallet',
    SERVICE_SECRET: SECRET,
    DATABASE_URL: `sqlite://${path.join(folder, 'wallet.db')}`,
  };
  const child = spawn(built('EXAMPLE_BASE_SERVICE_BIN', 'example-base-service'), [], { cwd: folder, env, stdio: 'inherit' });
  const base = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries += 1) {
    if (await fetch(`${base}/public`).then((response) => response.ok, () => false)) break;
    await delay(50);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await fs.rm(folder, { recursive: true, force: true });
  };
  return { base, stop };
}

const anchor = await startTarget({
  name: 'story',
  binary: built('IDENTITY_SERVER_BIN', 'identity-server'),
  postgres: process.env.TEST_DATABASE_URL,
  profile: {
    mail: true,
    env: {
      IDENTITY_SECRETS__SECRET: 'the secret of a trust anchor in a story',
      IDENTITY_EMAIL__REQUIRE_VERIFICATION: 'true',
      IDENTITY_PROVISIONING__TARGETS: `wallet=${SECRET}`,
      IDENTITY_LIMITS__ENABLED: 'false',
      IDENTITY_TELEMETRY__METRICS_LISTEN: '',
    },
  },
});
const wallet = await startWallet(anchor.base);
try {
  const { client, go } = browser(anchor.base);
  const mails = () => fetch(`${anchor.base}/__test/outbox?type=verify&to=${EMAIL}`).then((response) => response.json());
  const session = async () => (await client.getSession()).data;

  await chapter('ann signs up, and is asked to prove her address', async () => {
    const { data } = await client.signUp.email({ email: EMAIL, password: PASSWORD, name: 'Ann' });
    assert.equal(data.token, null);
    assert.equal(await session(), null);
    const { error } = await client.signIn.email({ email: EMAIL, password: PASSWORD });
    assert.equal(error.code, 'EMAIL_NOT_VERIFIED');
  });
  await chapter('she follows the link of the mail', async () => {
    const [mail] = await mails();
    const response = await go(mail.url);
    assert.equal(response.status, 302);
  });
  await chapter('she signs in and is known', async () => {
    const { data } = await client.signIn.email({ email: EMAIL, password: PASSWORD });
    assert.equal(data.user.emailVerified, true);
    const { user } = await session();
    assert.equal(user.email, EMAIL);
    assert.equal(user.hasWalletAccount, false);
  });
  await chapter('the wallet opens for her, once', async () => {
    const [first, second] = [await go(`${wallet.base}/wallet`), await go(`${wallet.base}/wallet`)];
    assert.equal(first.status, 200);
    assert.deepEqual(await first.json(), await second.json());
    assert.equal((await session()).user.hasWalletAccount, true);
  });
  await chapter('she signs out, and the wallet knows her no more', async () => {
    assert.ok(await session());
    await client.signOut();
    assert.equal(await session(), null);
    assert.equal((await go(`${wallet.base}/wallet`)).status, 401);
    assert.equal((await go(`${wallet.base}/public`)).status, 200);
  });
} catch (error) {
  console.error(anchor.log());
  throw error;
} finally {
  await wallet.stop();
  await anchor.stop();
}
console.log(`${passed} passed, 0 failed`);
