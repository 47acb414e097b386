// node-oidc-provider with its adapter in memory, for a client that asks for tokens in its own name.
//
//   node provider.mjs PORT CLIENT_ID CLIENT_SECRET opaque|jwt RS256|ES256
import crypto from 'node:crypto';
import { Provider } from 'oidc-provider';

const [port, client_id, client_secret, accessTokenFormat, alg] = process.argv.slice(2);
const audience = 'https://api.example.com';

function key(kid, algorithm, type, options) {
  const { privateKey } = crypto.generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
}

// As many and as large as those of a new identity-server: the size of an answer is a part of its cost.
const rsa = { modulusLength: 2048 };
const keys = [
  key('r', 'RS256', 'rsa', rsa),
  key('p', 'PS256', 'rsa', rsa),
  key('e', 'ES256', 'ec', { namedCurve: 'P-256' }),
  key('d', 'EdDSA', 'ed25519'),
];

const provider = new Provider(`http://localhost:${port}`, {
  jwks: { keys },
  clients: [{ client_id, client_secret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => audience,
      getResourceServerInfo: async () => ({ scope: 'api', audience, accessTokenTTL: 600, accessTokenFormat, jwt: { sign: { alg } } }),
    },
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1');
