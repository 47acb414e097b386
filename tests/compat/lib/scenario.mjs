// What a scenario is given: agents, mails, control over the target's rows, and a place for notes. What it leaves behind is its trace.
import crypto from 'node:crypto';
import { createAgent } from './agent.mjs';
import { Normaliser } from './normalise.mjs';

export const PASSWORD = 'password-1234';

/** Drawn anew for each run, so that one database may see many runs. */
// With a letter in front, or one run in seventeen would look like a code of six digits.
export const RUN = `r${crypto.randomBytes(3).toString('hex')}`;

/** Runs one scenario against `targets` (base URLs by profile) and returns its normalised trace. */
export async function runScenario({ name, play }, targets) {
  const steps = [];
  const normaliser = new Normaliser(RUN);
  const record = (step) => void steps.push(step);
  const learn = (value, key) => normaliser.learn(value, key);
  const taken = new Map();

  const t = {
    agent: (profile) => createAgent({ base: targets[profile], profile, record, learn }),
    email: (prefix = 'u') => `${prefix}-${name.replaceAll('.', '-')}-${RUN}@t.test`,
    note: (note, value) => record({ note, value }),

    /** Signs `agent` up with the scenario's own address. */
    async signUp(agent, prefix = 'u', extra = {}) {
      const body = { email: t.email(prefix), password: PASSWORD, name: prefix, ...extra };
      return (await agent.call((client) => client.signUp.email(body))).data;
    },

    /** The next mail of `type` to `to`. */
    async mail(profile, type, to) {
      const seen = taken.get(type + to) ?? 0;
      const query = new URLSearchParams({ type, to, after: seen });
      const mails = await (await fetch(`${targets[profile]}/__test/outbox?${query}`)).json();
      const mail = mails[seen];
      if (!mail) throw new Error(`no ${type} mail to ${to}; it is number ${seen + 1}`);
      taken.set(type + to, seen + 1);
      learn(mail.token, 'token');
      learn(String(mail.otp ?? mail.code ?? ''), 'otp');
      return mail;
    },

    /** Changes rows of the target behind its back. */
    async patch(profile, model, where, set) {
      const response = await fetch(`${targets[profile]}/__test/patch`, { method: 'POST', body: JSON.stringify({ model, where, set }) });
      const { changes } = await response.json();
      if (changes !== 1) throw new Error(`patching ${model} changed ${changes} rows`);
    },

    targets,
  };

  try {
    await play(t);
  } catch (error) {
    record({ harness_error: error.stack ?? String(error) });
  }
  // The token inside a session cookie, for cookies whose body did not show it.
  for (const cookie of steps.flatMap((step) => step.res?.cookies ?? [])) {
    const at = cookie.value.lastIndexOf('.');
    if (/session_token/.test(cookie.name) && at > 0 && cookie.value.length - at === 45) learn(cookie.value.slice(0, at), 'token');
  }
  return JSON.parse(JSON.stringify(normaliser.apply(steps)));
}
