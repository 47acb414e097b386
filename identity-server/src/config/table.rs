//! The table of settings: one declaration is the struct, its default, its documentation and what the loader accepts.

use super::value::{Kind, SettingType};
use super::{Settings, reader::Reader};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The section it stands in.
    pub(crate) section: &'static str,
    /// Its name within the section.
    pub(crate) name: &'static str,
    /// What it does, line by line.
    pub(crate) doc: &'static [&'static str],
    /// What kind of value it takes.
    pub(crate) kind: Kind,
    /// Whether an empty text is a value of its own rather than none.
    pub(crate) empty_counts: bool,
}

impl Setting {
    /// `section.name`, as in the file.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `IDENTITY_SECTION__NAME`; none for what only the file can say.
    pub(crate) fn variable(&self) -> Option<String> {
        (!matches!(self.kind, Kind::Fields | Kind::Tables)).then(|| variable(self.section, self.name))
    }

    /// The name of the companion that reads a secret from a file.
    pub(crate) fn file_name(&self) -> Option<String> {
        self.kind.is_secret().then(|| format!("{}_file", self.name))
    }

    /// The environment's form of the companion.
    pub(crate) fn file_variable(&self) -> Option<String> {
        self.file_name().map(|name| variable(self.section, &name))
    }
}

fn variable(section: &str, name: &str) -> String {
    format!("IDENTITY_{}__{}", section.to_uppercase(), name.to_uppercase())
}

/// A group of settings, one file each.
pub(crate) trait Section: Sized + Default {
    /// The name of its table in the file.
    const NAME: &'static str;
    /// What its settings have in common.
    const ABOUT: &'static [&'static str];
    /// Its settings, in the order of the file.
    const SETTINGS: &'static [Setting];

    /// Takes its values out of file and environment, noting every problem.
    fn read(reader: &mut Reader<'_>) -> Self;

    /// Its values as they would stand in a file, in the order of [`Section::SETTINGS`]; none for what is not set, and for secrets.
    fn values(&self) -> Vec<Option<toml::Value>>;
}

/// Declares a section: `section! { /// About. Name = "name" { /// Doc. field: Type = default; } }`.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident = $section:literal {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr;)+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::config::table::Section for $name {
            const NAME: &'static str = $section;
            const ABOUT: &'static [&'static str] = &[$($about),+];
            const SETTINGS: &'static [$crate::config::table::Setting] = &[
                $($crate::config::table::setting::<$type>($section, stringify!($field), &[$($doc),+]),)+
            ];

            fn read(reader: &mut $crate::config::reader::Reader<'_>) -> Self {
                let default = Self::default();
                Self { $($field: reader.read($section, stringify!($field), default.$field),)+ }
            }

            fn values(&self) -> Vec<Option<toml::Value>> {
                vec![$($crate::config::value::SettingType::to_toml(&self.$field),)+]
            }
        }
    };
}
pub(super) use section;

/// The row of a setting of type `T`.
pub(super) const fn setting<T: SettingType>(
    section: &'static str,
    name: &'static str,
    doc: &'static [&'static str],
) -> Setting {
    Setting { section, name, doc, kind: T::KIND, empty_counts: T::EMPTY_COUNTS }
}

/// A section as the printers see it.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The name of its table.
    pub(crate) name: &'static str,
    /// What its settings have in common.
    pub(crate) about: &'static [&'static str],
    /// Each setting with its value.
    pub(crate) rows: Vec<(Setting, Option<toml::Value>)>,
}

impl Shown {
    /// The section with the values it holds.
    pub(super) fn of<S: Section>(section: &S) -> Self {
        let rows = S::SETTINGS.iter().copied().zip(section.values()).collect();
        Self { name: S::NAME, about: S::ABOUT, rows }
    }
}

/// The setting called `section.name`.
pub(crate) fn find(key: &str) -> Option<Setting> {
    let (section, name) = key.split_once('.')?;
    all().find(|setting| setting.section == section && setting.name == name)
}

/// Every setting, in the order of the file.
pub(crate) fn all() -> impl Iterator<Item = Setting> {
    Settings::SECTIONS.iter().flat_map(|(_, settings)| settings.iter().copied())
}
