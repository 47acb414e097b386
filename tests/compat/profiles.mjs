// The configurations under which the scenarios run, as the environment of identity-server. They are those of the recorded reference server.

export const SECRET = 'ref-secret-0123456789abcdefghijklmnopqrstuvwxyz';

const COMMON = {
  IDENTITY_SECRETS__SECRET: SECRET,
  IDENTITY_LIMITS__ENABLED: 'false',
  // The reference shows a role only with a plugin that these profiles do not have.
  IDENTITY_USER__EXPOSE_ROLE: 'false',
  IDENTITY_TELEMETRY__METRICS_LISTEN: '',
  IDENTITY_TELEMETRY__LOG_FORMAT: 'json',
};

const OPEN = { ...COMMON, IDENTITY_HTTP__TRUSTED_ORIGINS: 'http://trusted.test,https://*.wild.test,myapp://' };

/** By name: `env`, and whether mail goes to an SMTP server. */
export const PROFILES = {
  core: { mail: true, env: OPEN },
  bare: {
    mail: false,
    env: {
      ...COMMON,
      IDENTITY_PASSWORD__RESET: 'false',
      IDENTITY_EMAIL__VERIFICATION: 'false',
      IDENTITY_USER__CHANGE_EMAIL: 'false',
      IDENTITY_USER__DELETE: 'false',
    },
  },
  verify: {
    mail: true,
    env: {
      ...OPEN,
      IDENTITY_EMAIL__REQUIRE_VERIFICATION: 'true',
      IDENTITY_EMAIL__SEND_ON_SIGN_UP: 'true',
      IDENTITY_EMAIL__SEND_ON_SIGN_IN: 'true',
      IDENTITY_EMAIL__SIGN_IN_AFTER_VERIFICATION: 'true',
    },
  },
  ratelimit: {
    mail: true,
    env: { ...OPEN, IDENTITY_LIMITS__ENABLED: 'true', IDENTITY_HTTP__TRUSTED_PROXIES: '127.0.0.1' },
  },
  cache: { mail: true, env: { ...OPEN, IDENTITY_SESSION__COOKIE_CACHE: 'true' } },
  secure: { mail: true, env: { ...OPEN, IDENTITY_SESSION__SECURE_COOKIES: 'true' } },
};
