// Everything the page does: the official client keeps the session, the page shows it.
import { createAuthClient } from 'better-auth/client';

const baseURL = document.querySelector('meta[name="identity-url"]').content;
const client = createAuthClient({ baseURL });
const at = (id) => document.getElementById(id);

client.useSession.subscribe(({ data, error, isPending }) => {
  if (isPending) return;
  if (error) say(error);
  at('visitor').hidden = Boolean(data);
  at('member').hidden = !data;
  if (!data) return;
  at('name').textContent = data.user.name;
  at('email').textContent = data.user.email;
  const expires = new Date(data.session.expiresAt);
  at('expires').dateTime = expires.toISOString();
  at('expires').textContent = expires.toLocaleString();
});

onSubmit('sign-up', ({ name, email, password }) => client.signUp.email({ name, email, password }));
onSubmit('sign-in', ({ email, password }) => client.signIn.email({ email, password }));
onSubmit('change-name', ({ name }) => client.updateUser({ name }));
at('sign-out').addEventListener('click', () => run(() => client.signOut()));

function onSubmit(id, call) {
  const form = at(id);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (await run(() => call(Object.fromEntries(new FormData(form))))) form.reset();
  });
}

/** Makes a call, shows what goes wrong, and answers whether it went well. */
async function run(call) {
  at('message').hidden = true;
  const { error } = await call().catch((cause) => ({ error: cause }));
  if (error) say(error);
  return !error;
}

function say({ message }) {
  at('message').textContent = message || 'The identity service cannot be reached.';
  at('message').hidden = false;
}
