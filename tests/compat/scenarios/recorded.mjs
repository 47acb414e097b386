// The scenarios whose traces were recorded from the reference server (traces.json). Their steps may not change without a new recording.
import crypto from 'node:crypto';
import { PASSWORD, RUN } from '../lib/scenario.mjs';
import { SECRET } from '../profiles.mjs';

const past = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const bareAgents = (t, count) => Array.from({ length: count }, () => t.agent('bare'));
const signIn = (t, body = {}) => (client) => client.signIn.email({ email: t.email(), password: PASSWORD, ...body });
const session = (client) => client.getSession();
const octet = parseInt(RUN, 16) % 250;

function forgedJwt(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`;
  return `${signed}.${crypto.createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

export const recorded = [];
const scenario = (name, play) => recorded.push({ name, play });

// HTTP

scenario('http.ok', async (t) => {
  const a = t.agent('bare');
  await a.raw('GET', '/ok');
  await a.raw('GET', '/error?error=state_mismatch');
});

scenario('http.routing_errors', async (t) => {
  const a = t.agent('bare');
  await a.raw('GET', '/nope');
  await a.raw('GET', '/sign-in/email');
  await a.raw('GET', '/ok/');
  await a.raw('POST', '/sign-in/email', '{bad');
  await a.raw('POST', '/sign-in/email', 'x', { 'content-type': 'text/plain' });
  await a.raw('POST', '/sign-in/email');
  await a.raw('POST', '/sign-in/email', {});
  await a.raw('POST', '/sign-up/email', { email: 1 });
  await a.raw('OPTIONS', '/sign-in/email');
  await a.raw('POST', '/get-session', {});
});

// Sign-up and sign-in

scenario('signup.ok', async (t) => {
  const a = t.agent('bare');
  await t.signUp(a);
  await a.call(session);
});

scenario('signup.duplicate', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await t.signUp(a);
  await t.signUp(b);
});

scenario('signup.password_bounds', async (t) => {
  const a = t.agent('bare');
  const signUp = (prefix, password) => a.call((c) => c.signUp.email({ email: t.email(prefix), password, name: 'n' }));
  await signUp('p7', 'x'.repeat(7));
  await signUp('p129', 'x'.repeat(129));
  await signUp('p8', 'x'.repeat(8));
  await signUp('e', '');
});

scenario('signup.invalid_email', async (t) => {
  await t.agent('bare').call((c) => c.signUp.email({ email: 'nope', password: PASSWORD, name: 'n' }));
});

scenario('signup.missing_name', async (t) => {
  await t.agent('bare').call((c) => c.signUp.email({ email: t.email(), password: PASSWORD }));
});

scenario('signup.email_lowercased', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await a.call((c) => c.signUp.email({ email: t.email('MiXed'), password: PASSWORD, name: 'n' }));
  await b.call((c) => c.signIn.email({ email: t.email('mIxEd'), password: PASSWORD }));
});

scenario('signup.remember_me_false', async (t) => {
  await t.signUp(t.agent('bare'), 'u', { rememberMe: false });
});

scenario('signin.ok', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await t.signUp(a);
  await b.call(signIn(t));
  await b.call(session);
});

scenario('signin.wrong_password', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await t.signUp(a);
  await b.call(signIn(t, { password: 'wrong-password' }));
});

scenario('signin.unknown_user', async (t) => {
  await t.agent('bare').call(signIn(t));
});

scenario('signin.invalid_email', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await a.call(signIn(t, { email: 'nope' }));
  await b.call(signIn(t, { password: 'x'.repeat(129) }));
});

scenario('signin.remember_me_false', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await t.signUp(a);
  await b.call(signIn(t, { rememberMe: false }));
  await b.call(session);
  await b.call(signIn(t));
});

// Sessions

scenario('session.none', async (t) => {
  const a = t.agent('bare');
  await a.call(session);
  await a.call((c) => c.listSessions());
  await a.call((c) => c.updateUser({ name: 'x' }));
});

scenario('session.expired', async (t) => {
  const a = t.agent('bare');
  const { token } = await t.signUp(a);
  await t.patch('bare', 'session', { token }, { expiresAt: past(10) });
  await a.call(session);
  await a.call(session);
});

scenario('session.list_and_revoke', async (t) => {
  const [a, b, d] = bareAgents(t, 3);
  await t.signUp(a);
  await b.call(signIn(t));
  await d.call(signIn(t));
  const list = await a.call((c) => c.listSessions());
  t.note('count', list.data.length);
  const [tokenOfB] = b.jar.get('session_token').split('.');
  await a.call((c) => c.revokeSession({ token: tokenOfB }));
  await b.call(session);
  await a.call((c) => c.revokeSession({ token: 'nope' }));
  await a.call((c) => c.revokeOtherSessions());
  await d.call(session);
  await a.call((c) => c.revokeSessions());
  await a.call(session);
});

scenario('signout', async (t) => {
  const a = t.agent('bare');
  await t.signUp(a);
  await a.call((c) => c.signOut());
  await a.call(session);
  await a.call((c) => c.signOut());
});

scenario('update_session', async (t) => {
  const a = t.agent('core');
  await t.signUp(a);
  await a.call((c) => c.updateSession({ foo: 1 }));
  await a.call((c) => c.updateSession({ activeOrganizationId: 'x' }));
});

// Users

scenario('update_user', async (t) => {
  const a = t.agent('core');
  await t.signUp(a);
  await a.call((c) => c.updateUser({ name: 'New', image: 'http://i.test/y.png' }));
  await a.call(session);
  await a.call((c) => c.updateUser({ email: 'x@y.z' }));
  await a.raw('POST', '/update-user', {});
  await a.call((c) => c.updateUser({ role: 'admin' }));
  await a.call((c) => c.updateUser({ image: null }));
});

scenario('delete_user', async (t) => {
  const a = t.agent('core');
  const { token } = await t.signUp(a);
  await a.call((c) => c.deleteUser({ password: 'wrong-pass' }));
  await t.patch('core', 'session', { token }, { createdAt: past(90_000) });
  await a.call((c) => c.deleteUser());
  await a.call((c) => c.deleteUser({ token: 'nope' }));
  await a.call((c) => c.deleteUser({ password: PASSWORD }));
  await a.call(session);
  const b = t.agent('bare');
  await t.signUp(b);
  await b.call((c) => c.deleteUser());
});

// Passwords

scenario('change_password', async (t) => {
  const [a, b] = bareAgents(t, 2);
  await t.signUp(a);
  await b.call(signIn(t));
  await a.call((c) => c.changePassword({ currentPassword: 'bad-password', newPassword: 'new-password-1' }));
  await a.call((c) => c.changePassword({ currentPassword: PASSWORD, newPassword: 'short' }));
  await a.call((c) => c.changePassword({ currentPassword: PASSWORD, newPassword: 'new-password-1' }));
  await a.call((c) => c.changePassword({ currentPassword: 'new-password-1', newPassword: 'new-password-2', revokeOtherSessions: true }));
  await b.call(session);
  await a.call(session);
});

scenario('reset_password', async (t) => {
  const a = t.agent('core');
  await t.signUp(a);
  const b = t.agent('core');
  await b.call((c) => c.requestPasswordReset({ email: t.email(), redirectTo: '/reset' }));
  await b.call((c) => c.requestPasswordReset({ email: `none-${t.email()}`, redirectTo: '/reset' }));
  const { url, token } = await t.mail('core', 'reset', t.email());
  t.note('mail_url', url);
  await b.raw('GET', url);
  await b.raw('GET', url.replace(token, 'badtoken'));
  await b.call((c) => c.resetPassword({ newPassword: 'short', token }));
  await b.call((c) => c.resetPassword({ newPassword: 'brand-new-pass', token }));
  await b.call((c) => c.resetPassword({ newPassword: 'brand-new-pass', token }));
  await b.raw('POST', '/reset-password', { newPassword: 'brand-new-pass' });
  await a.call(session);
  await b.call(signIn(t, { password: 'brand-new-pass' }));
  await b.call((c) => c.requestPasswordReset({ email: t.email(), redirectTo: 'http://evil.test' }));
  await t.agent('bare').call((c) => c.requestPasswordReset({ email: t.email() }));
});

scenario('verify_password', async (t) => {
  const a = t.agent('bare');
  await t.signUp(a);
  await a.raw('POST', '/verify-password', { password: PASSWORD });
  await a.raw('POST', '/verify-password', { password: 'wrong-pass' });
});

// E-mail

scenario('verify_email', async (t) => {
  const a = t.agent('core');
  await t.signUp(a);
  await a.call((c) => c.sendVerificationEmail({ email: t.email(), callbackURL: '/ok' }));
  await a.call((c) => c.sendVerificationEmail({ email: 'other@t.test' }));
  const { url, token } = await t.mail('core', 'verify', t.email());
  t.note('mail_url', url);
  const claims = token.split('.')[1];
  t.note('jwt_payload_keys', claims ? Object.keys(JSON.parse(Buffer.from(claims, 'base64url'))) : 'opaque');
  const b = t.agent('core');
  const started = Date.now();
  await b.call((c) => c.sendVerificationEmail({ email: `none-${t.email()}` }));
  t.note('unauthenticated_min_500ms', Date.now() - started >= 495);
  await b.raw('GET', '/verify-email?token=bad');
  await b.raw('GET', '/verify-email?token=bad&callbackURL=/cb');
  const now = Math.floor(Date.now() / 1000);
  const expired = forgedJwt({ email: t.email(), iat: now - 9000, exp: now - 10 });
  await b.raw('GET', `/verify-email?token=${expired}`);
  await b.raw('GET', `/verify-email?token=${expired}&callbackURL=/cb`);
  await b.raw('GET', url);
  await b.raw('GET', `/verify-email?token=${token}`);
  await a.call(session);
  await a.call((c) => c.sendVerificationEmail({ email: t.email() }));
  await t.agent('bare').call((c) => c.sendVerificationEmail({ email: t.email() }));
});

scenario('change_email', async (t) => {
  const a = t.agent('core');
  await t.signUp(a);
  await a.call((c) => c.changeEmail({ newEmail: t.email(), callbackURL: '/p' }));
  await a.call((c) => c.changeEmail({ newEmail: t.email('new'), callbackURL: '/p' }));
  await a.raw('GET', (await t.mail('core', 'verify', t.email('new'))).url);
  const { data } = await a.call(session);
  await t.patch('core', 'user', { id: data.user.id }, { emailVerified: true });
  await a.call((c) => c.changeEmail({ newEmail: t.email('new2') }));
  await a.raw('GET', (await t.mail('core', 'change-email', t.email('new'))).url);
  await a.raw('GET', (await t.mail('core', 'verify', t.email('new2'))).url);
  await a.call(session);
  await t.agent('bare').call((c) => c.changeEmail({ newEmail: 'q@q.test' }));
});

// Origins and limits

scenario('csrf.origin', async (t) => {
  const [a, b] = bareAgents(t, 2);
  const credentials = { email: t.email(), password: PASSWORD };
  const navigation = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  await t.signUp(a);
  await a.raw('POST', '/sign-out', {}, { origin: 'http://evil.test' });
  await a.raw('POST', '/update-user', { name: 'x' }, { origin: 'none' });
  await a.raw('POST', '/update-user', { name: 'x' }, { origin: 'null' });
  await a.raw('GET', '/get-session', undefined, { origin: 'http://evil.test' });
  await b.raw('POST', '/sign-in/email', credentials, { origin: 'http://evil.test' });
  await b.bare('POST', '/sign-in/email', { headers: navigation, body: credentials });
  await b.bare('POST', '/sign-in/email', { body: { ...credentials, password: 'wrong-no-origin' } });
  await a.bare('POST', '/update-user', { headers: { origin: 'null', 'sec-fetch-site': 'same-origin' }, body: { name: 'x' } });
  await b.raw('POST', '/update-user', { name: 'x' }, { origin: 'http://evil.test' });
});

scenario('ratelimit.sign_in', async (t) => {
  const a = t.agent('ratelimit');
  const headers = { 'x-test-ip': `10.1.1.${octet}` };
  for (let i = 0; i < 4; i++) await a.raw('POST', '/sign-in/email', { email: 'a@t.test', password: PASSWORD }, headers);
});

scenario('ratelimit.default', async (t) => {
  const headers = { 'x-test-ip': `10.3.1.${octet}` };
  let firstRefusal = 0;
  for (let i = 1; i <= 1000 && !firstRefusal; i++) {
    const response = await fetch(`${t.targets.ratelimit}/api/auth/get-session`, { headers });
    if (response.status === 429) firstRefusal = i;
    await response.text();
  }
  // The allowance grows while the requests run: how many more than a hundred are answered depends on the machine.
  t.note('first_429_at', firstRefusal > 100 ? 101 : firstRefusal);
});

// Cookies

scenario('cookie_cache', async (t) => {
  const a = t.agent('cache');
  const { user } = await t.signUp(a);
  const cached = JSON.parse(Buffer.from(a.jar.get('session_data'), 'base64url'));
  t.note('payload_keys', { top: Object.keys(cached), session: Object.keys(cached.session) });
  const signed = JSON.stringify({ ...cached.session, expiresAt: cached.expiresAt });
  t.note('hmac_recomputed_matches', crypto.createHmac('sha256', SECRET).update(signed).digest('base64url') === cached.signature);
  await a.call(session);
  await t.patch('cache', 'user', { id: user.id }, { name: 'changed-in-db' });
  await a.call(session);
  await a.call((c) => c.getSession({ query: { disableCookieCache: true } }));
  await a.call((c) => c.signOut());
});

scenario('cookies.secure_prefix', async (t) => {
  const a = t.agent('secure');
  await t.signUp(a, 'u', { rememberMe: false });
  await a.call((c) => c.signOut());
});
