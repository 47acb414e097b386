//! What is measured, and how good it has to be.

/// What a ratio may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// Higher is better.
    AtLeast(f64),
    /// Lower is better.
    AtMost(f64),
}

impl Bound {
    /// Whether a ratio is good enough. A number that is none is not.
    pub(crate) fn admits(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

/// A row of the table: a number of ours and a number that it is compared to.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Unit of both numbers, and the digits after their points.
    pub(crate) unit: &'static str,
    pub(crate) digits: usize,
    /// What ours is compared to.
    pub(crate) baseline: &'static str,
    /// What the ratio of ours to the baseline should be.
    pub(crate) target: Bound,
    /// What it must be with `--check`.
    pub(crate) floor: Bound,
}

pub(crate) const GET_SESSION_SQLITE: Row = Row {
    name: "get-session, SQLite",
    unit: "req/s",
    digits: 0,
    baseline: "axum + sqlx",
    target: Bound::AtLeast(0.85),
    floor: Bound::AtLeast(0.80),
};

pub(crate) const GET_SESSION_POSTGRES: Row = Row { name: "get-session, PostgreSQL", ..GET_SESSION_SQLITE };

/// PostgreSQL shares the core of the load and may be what limits the rate of both sides; the processor time of a request does not
/// depend on it. What is left of the database is one round trip, so that everything which a server does and the baseline does not
/// weighs more than on SQLite.
pub(crate) const GET_SESSION_POSTGRES_PROCESSOR: Row = Row {
    name: "get-session, PostgreSQL, by CPU",
    unit: "req/CPU s",
    floor: Bound::AtLeast(0.75),
    ..GET_SESSION_SQLITE
};

pub(crate) const SIGN_IN: Row = Row {
    name: "sign-in",
    unit: "per s",
    digits: 1,
    baseline: "argon2id alone",
    target: Bound::AtLeast(0.90),
    floor: Bound::AtLeast(0.90),
};

pub(crate) const STORM_LATENCY: Row = Row {
    name: "get-session p99 while 32 connections sign in",
    unit: "ms",
    digits: 2,
    baseline: "2 x idle p99 + 3 ms",
    target: Bound::AtMost(1.0),
    floor: Bound::AtMost(1.0),
};

/// In MiB.
pub(crate) const MEMORY_PER_PERMIT: f64 = 20.0;

pub(crate) const STORM_MEMORY: Row = Row {
    name: "memory for each hashing permit, above as many session checks",
    unit: "MiB",
    digits: 1,
    baseline: "limit",
    ..STORM_LATENCY
};

pub(crate) const FORWARDING: Row = Row {
    name: "base service, cookie forwarding",
    unit: "us CPU",
    digits: 0,
    baseline: "the anchor call itself",
    target: Bound::AtMost(1.3),
    floor: Bound::AtMost(1.3),
};

pub(crate) const JWT_RS256: Row = Row {
    name: "access token by extractor, RS256",
    unit: "req/s",
    digits: 0,
    baseline: "axum + aws-lc-rs",
    target: Bound::AtLeast(0.85),
    floor: Bound::AtLeast(0.80),
};

pub(crate) const JWT_ES256: Row = Row { name: "access token by extractor, ES256", ..JWT_RS256 };

/// The example has ids of requests, spans and a guard besides. No requirement: it shows what is left to be gained.
pub(crate) const SERVICE_RS256: Row = Row {
    name: "the example of a base service, whole, RS256",
    target: Bound::AtLeast(0.80),
    floor: Bound::AtLeast(0.70),
    ..JWT_RS256
};

pub(crate) const CLIENT_CREDENTIALS_ES256: Row = Row {
    name: "client_credentials, JWT, ES256",
    baseline: "node-oidc-provider",
    target: Bound::AtLeast(5.0),
    floor: Bound::AtLeast(4.0),
    ..JWT_RS256
};

/// Both sides are bound by the signature.
pub(crate) const CLIENT_CREDENTIALS_RS256: Row = Row {
    name: "client_credentials, JWT, RS256",
    target: Bound::AtLeast(1.0),
    floor: Bound::AtLeast(1.0),
    ..CLIENT_CREDENTIALS_ES256
};

pub(crate) const CLIENT_CREDENTIALS_ES256_BARE: Row = Row {
    name: "client_credentials, JWT, ES256",
    baseline: "axum + signature + insert",
    target: Bound::AtLeast(0.8),
    floor: Bound::AtLeast(0.8),
    ..JWT_RS256
};

pub(crate) const CLIENT_CREDENTIALS_RS256_BARE: Row =
    Row { name: "client_credentials, JWT, RS256", ..CLIENT_CREDENTIALS_ES256_BARE };

pub(crate) const INTROSPECTION: Row = Row {
    name: "introspection, active opaque token",
    target: Bound::AtLeast(3.0),
    floor: Bound::AtLeast(3.0),
    ..CLIENT_CREDENTIALS_ES256
};

/// axum alone gets little farther.
pub(crate) const KEYS: Row =
    Row { name: "JWKS", target: Bound::AtLeast(6.0), floor: Bound::AtLeast(4.5), ..CLIENT_CREDENTIALS_ES256 };

pub(crate) const METADATA: Row = Row { name: "discovery", ..KEYS };

/// What an answer costs that needs no thought at all. No requirement: it shows what is left to be gained.
pub(crate) const KEYS_BARE: Row = Row {
    name: "JWKS",
    baseline: "axum, the same text",
    target: Bound::AtLeast(0.85),
    floor: Bound::AtLeast(0.75),
    ..KEYS
};

/// In MiB.
pub(crate) const IDLE_MEMORY: f64 = 25.0;

pub(crate) const MEMORY: Row = Row { name: "memory, idle", ..STORM_MEMORY };

/// In milliseconds.
pub(crate) const START_TIME: f64 = 100.0;

pub(crate) const START: Row = Row { name: "start without pending migrations", unit: "ms", digits: 0, ..STORM_MEMORY };

/// In megabytes.
pub(crate) const BINARY_SIZE: f64 = 30.0;

pub(crate) const BINARY: Row = Row { name: "release binary, stripped", unit: "MB", ..STORM_MEMORY };

/// What a run has shown of a row.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) row: &'static Row,
    pub(crate) own: f64,
    pub(crate) baseline: f64,
    /// Ours to the baseline; of many, the median.
    pub(crate) ratio: f64,
    /// Microseconds of processor time that one request takes, ours and the baseline's.
    pub(crate) processor: Option<[f64; 2]>,
    /// Share of the measured core that others took from ours and from the baseline.
    pub(crate) foreign: Option<[f64; 2]>,
}

impl Shown {
    /// A number of ours beside a limit.
    pub(crate) fn within(row: &'static Row, own: f64, limit: f64) -> Self {
        Self { row, own, baseline: limit, ratio: own / limit, processor: None, foreign: None }
    }

    /// Whether it is not even good enough for `--check`.
    pub(crate) fn falls_short(&self) -> bool {
        !self.row.floor.admits(self.ratio)
    }
}
