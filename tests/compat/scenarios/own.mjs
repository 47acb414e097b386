// Scenarios without a recording: what our server does on purpose and the reference does not, or not so.
// Their expectations (expected.json) are written by hand, from the contract.
import { PASSWORD } from '../lib/scenario.mjs';

const session = (client) => client.getSession();
const signIn = (t, password = PASSWORD) => (client) => client.signIn.email({ email: t.email(), password });

export const own = [];
const scenario = (name, play) => own.push({ name, play });

scenario('verify.no_session_before_proof', async (t) => {
  const a = t.agent('verify');
  await t.signUp(a);
  await a.call(session);
  await a.call(signIn(t));
  await a.call(signIn(t, 'wrong-password'));
});

scenario('verify.a_taken_address_is_not_told', async (t) => {
  await t.signUp(t.agent('verify'));
  await t.signUp(t.agent('verify'));
});

scenario('verify.the_link_signs_in_the_browser_that_signed_up', async (t) => {
  const a = t.agent('verify');
  await t.signUp(a, 'u', { callbackURL: '/welcome' });
  const { url } = await t.mail('verify', 'verify', t.email());
  t.note('mail_url', url);
  await a.raw('GET', url);
  await a.call(session);
  await t.agent('verify').raw('GET', url);
});

scenario('verify.the_link_signs_in_no_other_browser', async (t) => {
  const a = t.agent('verify');
  await t.signUp(a);
  const { url } = await t.mail('verify', 'verify', t.email());
  const b = t.agent('verify');
  await b.raw('GET', url);
  await b.call(session);
  await a.raw('GET', url);
  await a.call(session);
  await b.call(signIn(t));
});

scenario('verify.a_refused_sign_in_sends_a_link_for_its_browser', async (t) => {
  await t.signUp(t.agent('verify'));
  await t.mail('verify', 'verify', t.email());
  const b = t.agent('verify');
  await b.call(signIn(t));
  const { url } = await t.mail('verify', 'verify', t.email());
  await b.raw('GET', url);
  await b.call(session);
});

scenario('verify.code', async (t) => {
  const a = t.agent('verify');
  await t.signUp(a);
  await a.call((c) => c.emailOtp.sendVerificationOtp({ email: t.email(), type: 'email-verification' }));
  const { otp } = await t.mail('verify', 'email-otp', t.email());
  const give = (code) => a.call((c) => c.emailOtp.verifyEmail({ email: t.email(), otp: code }));
  await give('xxxxxx');
  await give(otp);
  await a.call(session);
  await give(otp);
  await a.call((c) => c.emailOtp.sendVerificationOtp({ email: `none-${t.email()}`, type: 'email-verification' }));
});

scenario('verify.three_wrong_codes_end_the_right_one', async (t) => {
  const a = t.agent('verify');
  await t.signUp(a);
  await a.call((c) => c.emailOtp.sendVerificationOtp({ email: t.email(), type: 'email-verification' }));
  const { otp } = await t.mail('verify', 'email-otp', t.email());
  for (const code of ['xxxxx1', 'xxxxx2', 'xxxxx3', otp]) {
    await a.call((c) => c.emailOtp.verifyEmail({ email: t.email(), otp: code }));
  }
});
