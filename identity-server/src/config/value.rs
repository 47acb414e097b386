//! The types a setting can have: how each is read from a file or a variable and written to a file.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::ValueKind;
use identity_core::secret::Secret;
use ipnet::IpNet;

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text in quotes.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Switch,
    /// An array of texts; a comma list in the environment.
    List,
    /// Text that is never shown, or a file that holds it.
    Secret,
    /// Tables of names and secrets; `name=secret` pairs in the environment.
    Targets,
    /// Declared extra fields; in the file only.
    Fields,
    /// Tables of other settings; in the file only.
    Tables,
}

impl Kind {
    /// Whether the value is never shown and may stand in a file of its own.
    pub(crate) const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Targets)
    }
}

/// A type that a setting can have.
pub(crate) trait SettingType: Sized {
    /// How the loader and the printers treat it.
    const KIND: Kind;
    /// Whether an empty text is a value of its own rather than none.
    const EMPTY_COUNTS: bool = false;

    /// Takes the value from the file or the environment, where everything is text. The error says what was expected,
    /// and never repeats what was given, since that may be a secret in the wrong place.
    fn parse(value: ValueKind) -> Result<Self, String>;

    /// The value as it would stand in a file; none when it is not set or must not be shown.
    fn to_toml(&self) -> Option<toml::Value>;
}

impl<T: SettingType> SettingType for Option<T> {
    const KIND: Kind = T::KIND;
    const EMPTY_COUNTS: bool = T::EMPTY_COUNTS;

    fn parse(value: ValueKind) -> Result<Self, String> {
        T::parse(value).map(Some)
    }

    fn to_toml(&self) -> Option<toml::Value> {
        self.as_ref().and_then(T::to_toml)
    }
}

impl SettingType for bool {
    const KIND: Kind = Kind::Switch;

    fn parse(value: ValueKind) -> Result<Self, String> {
        match value {
            ValueKind::Boolean(value) => Ok(value),
            ValueKind::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            ValueKind::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(String::from("must be true or false")),
        }
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some((*self).into())
    }
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl SettingType for $type {
            const KIND: Kind = Kind::Number;

            fn parse(value: ValueKind) -> Result<Self, String> {
                let parsed = match value {
                    ValueKind::I64(number) => Self::try_from(number).ok(),
                    ValueKind::U64(number) => Self::try_from(number).ok(),
                    ValueKind::String(text) => text.trim().parse().ok(),
                    _ => None,
                };
                parsed.ok_or_else(|| format!("must be a whole number between 0 and {}", Self::MAX))
            }

            fn to_toml(&self) -> Option<toml::Value> {
                i64::try_from(*self).ok().map(Into::into)
            }
        }
    )+};
}

numbers!(u32, u64, usize);

/// A type that is written as one text.
pub(crate) trait TextType: Sized {
    /// Reads the text; the error says what was expected.
    fn from_text(text: &str) -> Result<Self, String>;
    /// Writes the text.
    fn to_text(&self) -> String;
}

macro_rules! texts {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::config::value::SettingType for $type {
            const KIND: $crate::config::value::Kind = $crate::config::value::Kind::Text;

            fn parse(value: config::ValueKind) -> Result<Self, String> {
                let text = $crate::config::value::text(value)?;
                $crate::config::value::TextType::from_text(&text)
            }

            fn to_toml(&self) -> Option<toml::Value> {
                Some($crate::config::value::TextType::to_text(self).into())
            }
        }
    )+};
}
pub(super) use texts;

texts!(String, PathBuf, SocketAddr);

/// The text of a value.
pub(super) fn text(value: ValueKind) -> Result<String, String> {
    match value {
        ValueKind::String(text) => Ok(text),
        _ => Err(String::from("must be text in quotes")),
    }
}

impl TextType for String {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

impl TextType for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }

    fn to_text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl TextType for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| String::from("must be an IP address with a port, such as 127.0.0.1:8888"))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl TextType for IpNet {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()))
            .map_err(|_| format!("{text:?} is neither an IP address nor a network such as 10.0.0.0/8"))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl<T: TextType> SettingType for Vec<T> {
    const KIND: Kind = Kind::List;

    fn parse(value: ValueKind) -> Result<Self, String> {
        let expected = || String::from("must be a list of texts");
        let texts: Vec<String> = match value {
            ValueKind::String(text) => text.split(',').map(String::from).collect(),
            ValueKind::Array(items) => {
                items.into_iter().map(|item| text(item.kind).map_err(|_| expected())).collect::<Result<_, _>>()?
            }
            _ => return Err(expected()),
        };
        let mut parsed = Self::new();
        let mut wrong = Vec::new();
        for item in texts.iter().map(|item| item.trim()).filter(|item| !item.is_empty()) {
            match T::from_text(item) {
                Ok(item) => parsed.push(item),
                Err(text) => wrong.push(text),
            }
        }
        if wrong.is_empty() { Ok(parsed) } else { Err(wrong.join("; ")) }
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(self.iter().map(|item| toml::Value::from(item.to_text())).collect::<Vec<_>>().into())
    }
}

impl SettingType for Secret<String> {
    const KIND: Kind = Kind::Secret;

    fn parse(value: ValueKind) -> Result<Self, String> {
        text(value).map(Self::new)
    }

    fn to_toml(&self) -> Option<toml::Value> {
        None
    }
}
