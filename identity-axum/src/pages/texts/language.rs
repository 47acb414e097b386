//! Languages: which there are, and which somebody wants.

use super::{Texts, en, fr};

/// A language that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pages) enum Language {
    English,
    French,
}

impl Language {
    /// All of them.
    pub(in crate::pages) const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its tag (BCP 47).
    pub(in crate::pages) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// What its speakers call it.
    pub(in crate::pages) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    /// Which way it is written.
    pub(in crate::pages) const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::French => "ltr",
        }
    }

    /// Its texts.
    pub(in crate::pages) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &en::TEXTS,
            Self::French => &fr::TEXTS,
        }
    }

    /// The language of a tag such as `fr-CA`.
    pub(in crate::pages) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The first of these tags that is spoken, as `ui_locales` lists them (OpenID Connect Core, section 3.1.2.1).
    pub(in crate::pages) fn of_tags(tags: &str) -> Option<Self> {
        tags.split(' ').find_map(Self::of_tag)
    }

    /// What a browser prefers (RFC 9110, section 12.5.4).
    pub(in crate::pages) fn of_accept_language(header: &str) -> Option<Self> {
        let weighted = header.split(',').filter_map(|range| {
            let mut parts = range.split(';');
            let language = Self::of_tag(parts.next()?)?;
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
            (weight > 0.0).then_some((language, weight))
        });
        // Of two with the same weight the first counts.
        let best = |best: Option<(Self, f32)>, next: (Self, f32)| best.filter(|kept| kept.1 >= next.1).or(Some(next));
        weighted.fold(None, best).map(|(language, _)| language)
    }
}
