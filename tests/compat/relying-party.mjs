// Stock clients that we did not write against the built server: openid-client and oauth4webapi from npm, Authlib from PyPI. Each signs in by
// the code flow with PKCE, renews its tokens, asks UserInfo and introspection, revokes, and logs out.
//
//   node relying-party.mjs        on SQLite; on PostgreSQL when TEST_DATABASE_URL is set
//
// IDENTITY_SERVER_BIN names the binary; AUTHLIB_PYTHON a Python that has Authlib and httpx (that part is left out without it).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { Postgres, Sqlite } from './lib/database.mjs';
import { Person } from './lib/person.mjs';
import { freePort, isReady } from './lib/target.mjs';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const binary = path.resolve(process.env.IDENTITY_SERVER_BIN ?? path.join(here, '../../target/debug/identity-server'));
const REDIRECT = 'http://127.0.0.1/callback';
const AFTER_LOGOUT = 'http://127.0.0.1/goodbye';
const EMAIL = 'ann@example.com';
const PASSWORD = 'correct horse battery';

let passed = 0;
async function chapter(title, act) {
  await act();
  passed += 1;
  console.log(`ok - ${title}`);
}

class Provider {
  static async start() {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'identity-relying-party-'));
    const database = process.env.TEST_DATABASE_URL ? await Postgres.create(process.env.TEST_DATABASE_URL) : new Sqlite(path.join(folder, 'identity.db'));
    const port = await freePort();
    const base = `http://localhost:${port}`;
    const env = {
      PATH: process.env.PATH,
      IDENTITY_HTTP__LISTEN: `127.0.0.1:${port}`,
      IDENTITY_HTTP__BASE_URL: base,
      IDENTITY_DATABASE__URL: database.url,
      IDENTITY_SECRETS__SECRET: 'a secret of the tests of relying parties',
      IDENTITY_LIMITS__ENABLED: 'false',
      IDENTITY_TELEMETRY__METRICS_LISTEN: `127.0.0.1:${await freePort()}`,
    };
    const child = spawn(binary, ['serve'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
    const provider = Object.assign(new Provider(), { folder, database, base, env, child, output });
    for (const deadline = Date.now() + 60_000; !(await isReady(port)); ) {
      assert.ok(child.exitCode === null && Date.now() < deadline, `the server does not start:\n${provider.log()}`);
      await new Promise((wait) => setTimeout(wait, 50));
    }
    return provider;
  }

  log() {
    return Buffer.concat(this.output).toString('utf8');
  }

  async command(...args) {
    const { stdout } = await run(binary, args, { cwd: this.folder, env: this.env });
    return stdout;
  }

  async client(id, ...more) {
    const common = ['clients', 'create', '--id', id, '--name', id, '--redirect-uri', REDIRECT, '--post-logout-uri', AFTER_LOGOUT];
    const grants = ['authorization_code', 'refresh_token'].flatMap((grant) => ['--grant', grant]);
    return JSON.parse(await this.command(...common, ...grants, '--scope', 'openid profile email offline_access', '--json', ...more));
  }

  async stop() {
    if (this.child.exitCode === null) {
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
    }
    await this.database.drop();
    await fs.rm(this.folder, { recursive: true, force: true });
  }
}

async function openidClient(provider, { client_id, client_secret }) {
  const config = await oidc.discovery(new URL(provider.base), client_id, client_secret, client_secret ? undefined : oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  });
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    prompt: 'consent',
  });
  const ann = new Person(provider.base, { email: EMAIL, password: PASSWORD });
  const answer = await ann.authorizes(url);
  const tokens = await oidc.authorizationCodeGrant(config, answer.url, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
  const { sub } = tokens.claims();
  const info = await oidc.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(info.email, EMAIL);
  assert.equal(info.name, 'Ann');
  const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(renewed.claims().sub, sub);
  assert.equal(renewed.claims().auth_time, tokens.claims().auth_time);
  if (client_secret) {
    const active = await oidc.tokenIntrospection(config, renewed.access_token);
    assert.equal(active.active, true);
    assert.equal(active.sub, sub);
  }
  await oidc.tokenRevocation(config, renewed.refresh_token);
  await assert.rejects(oidc.refreshTokenGrant(config, renewed.refresh_token), { error: 'invalid_grant' });
  await assert.rejects(oidc.fetchUserInfo(config, renewed.access_token, sub));
  const bye = oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: AFTER_LOGOUT, id_token_hint: tokens.id_token, state });
  let page = await ann.opens(bye);
  if (page.html?.includes('id="logout-confirm"')) page = await ann.submits(page, 'logout-confirm');
  assert.equal(page.url.href, `${AFTER_LOGOUT}?state=${encodeURIComponent(state)}`);
  const silent = await ann.opens(oidc.buildAuthorizationUrl(config, { redirect_uri: REDIRECT, scope: 'openid', state, nonce, prompt: 'none', code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }));
  assert.equal(silent.url.searchParams.get('error'), 'login_required');
}

async function oauth4webapi(provider, { client_id, client_secret }) {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(provider.base);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' }));
  const client = { client_id };
  const proof = oauth.ClientSecretPost(client_secret);
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id, redirect_uri: REDIRECT, response_type: 'code', response_mode: 'form_post', scope: 'openid email offline_access', state, nonce, prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const answer = await new Person(provider.base, { email: EMAIL, password: PASSWORD }).authorizes(url);
  const params = oauth.validateAuthResponse(server, client, answer.body, state);
  const response = await oauth.authorizationCodeGrantRequest(server, client, proof, params, REDIRECT, verifier, insecure);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, response, insecure);
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const info = await oauth.processUserInfoResponse(server, client, sub, await oauth.userInfoRequest(server, client, tokens.access_token, insecure));
  assert.equal(info.email, EMAIL);
  const request = new Request('http://api.example/', { headers: { authorization: `Bearer ${tokens.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(server, request, provider.base, insecure);
  assert.equal(claims.client_id, client_id);
  const renewed = await oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, proof, tokens.refresh_token, insecure));
  const seen = await oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, proof, renewed.access_token, insecure));
  assert.equal(seen.active, true);
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, proof, renewed.access_token, insecure));
  const gone = await oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, proof, renewed.access_token, insecure));
  assert.equal(gone.active, false);
  const replay = await oauth.authorizationCodeGrantRequest(server, client, proof, params, REDIRECT, verifier, insecure);
  await assert.rejects(oauth.processAuthorizationCodeResponse(server, client, replay), { error: 'invalid_grant' });
}

/** The other half is in authlib_client.py: it prints the URL to open and reads the answer. */
async function authlib(provider, { client_id, client_secret }) {
  const child = spawn(process.env.AUTHLIB_PYTHON, [path.join(here, 'authlib_client.py'), provider.base, client_id, client_secret, REDIRECT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = (async function* () {
    let rest = '';
    for await (const chunk of child.stdout) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop();
      yield* parts;
    }
  })();
  const { value: url } = await lines.next();
  const answer = await new Person(provider.base, { email: EMAIL, password: PASSWORD }).authorizes(url);
  child.stdin.end(`${answer.url.href}\n`);
  const { value: result } = await lines.next();
  assert.deepEqual(JSON.parse(result), { email: EMAIL, refreshed: true, active: true, revoked: true });
}

const provider = await Provider.start();
try {
  const child = spawn(binary, ['users', 'create', '--email', EMAIL, '--name', 'Ann', '--verified', '--password-stdin'], { cwd: provider.folder, env: provider.env });
  child.stdin.end(`${PASSWORD}\n`);
  await once(child, 'exit');
  await chapter('openid-client signs in as a confidential client', async () => openidClient(provider, await provider.client('desk', '--confidential', '--auth-method', 'client_secret_post')));
  await chapter('openid-client signs in as a public client', async () => openidClient(provider, await provider.client('phone', '--public')));
  await chapter('oauth4webapi signs in with form_post', async () => oauth4webapi(provider, await provider.client('office', '--confidential', '--auth-method', 'client_secret_post')));
  if (process.env.AUTHLIB_PYTHON) {
    await chapter('Authlib signs in with client_secret_basic', async () => authlib(provider, await provider.client('python', '--confidential', '--auth-method', 'client_secret_basic')));
  }
  console.log(`${passed} passed, 0 failed`);
} catch (error) {
  console.error(provider.log().slice(-4000));
  throw error;
} finally {
  await provider.stop();
}
