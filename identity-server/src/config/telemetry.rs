//! `[telemetry]`: logs and metrics.

use std::net::{Ipv4Addr, SocketAddr};

use config::ValueKind;
use tracing_subscriber::EnvFilter;

use super::table::section;
use super::value::{Kind, SettingType, TextType, text, texts};

section! {
    /// Logs and metrics.
    Telemetry = "telemetry" {
        /// What is logged: a level (error, warn, info, debug, trace) or directives such as
        /// `info,identity_core=debug`.
        log: LogFilter = LogFilter(String::from("info"));
        /// `pretty` for people, `json` for machines: one object per line.
        log_format: LogFormat = LogFormat::Pretty;
        /// Where Prometheus reads `/metrics`; an empty text turns it off.
        metrics_listen: MetricsListen = MetricsListen(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))));
    }
}

/// The directives of a log filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFilter(pub(crate) String);

impl TextType for LogFilter {
    fn from_text(text: &str) -> Result<Self, String> {
        EnvFilter::try_new(text)
            .map(|_| Self(text.to_owned()))
            .map_err(|_| String::from("must be a level such as info, or directives such as info,identity_core=debug"))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object.
    Json,
}

impl TextType for LogFormat {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(String::from("must be \"pretty\" or \"json\"")),
        }
    }

    fn to_text(&self) -> String {
        String::from(match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        })
    }
}

texts!(LogFilter, LogFormat);

/// Where metrics are served, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsListen(pub(crate) Option<SocketAddr>);

impl SettingType for MetricsListen {
    const KIND: Kind = Kind::Text;
    const EMPTY_COUNTS: bool = true;

    fn parse(value: ValueKind) -> Result<Self, String> {
        let text = text(value)?;
        if text.is_empty() { Ok(Self(None)) } else { SocketAddr::from_text(&text).map(|address| Self(Some(address))) }
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(self.0.map(|address| address.to_string()).unwrap_or_default().into())
    }
}
