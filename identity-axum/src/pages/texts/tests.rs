use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// Texts that are the same in both languages.
const SAME: [&str; 3] = ["common.code", "device.placeholder", "device_confirm.code"];

fn slots(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[test]
fn every_language_has_the_same_keys_with_the_same_slots_and_marks() {
    for language in Language::ALL {
        let texts = language.texts().all();
        assert_eq!(texts.len(), KEYS.len());
        for (((page, element, declared), text), english) in KEYS.iter().zip(texts).zip(Language::English.texts().all())
        {
            let key = format!("{page}.{element} in {}", language.name());
            assert_eq!(slots(text), declared.iter().copied().collect(), "{key}");
            let marks = |text: &str| (text.matches('[').count(), text.matches(']').count());
            assert_eq!(marks(text), marks(english), "{key}");
            assert!(marks(text) == (0, 0) || marks(text) == (1, 1), "{key}");
        }
    }
}

#[test]
fn texts_are_whole_sentences_without_layout_or_markup() {
    for language in Language::ALL {
        for ((page, element, _), text) in KEYS.iter().zip(language.texts().all()) {
            let key = format!("{page}.{element} in {}: {text:?}", language.name());
            assert!(!text.is_empty() && text.trim() == text, "{key}");
            assert!(!text.contains(['\n', '<', '>', '&']) && !text.contains("  ") && !text.ends_with(':'), "{key}");
        }
    }
}

#[test]
fn nothing_is_left_in_english() {
    for (((page, element, _), french), english) in
        KEYS.iter().zip(Language::French.texts().all()).zip(Language::English.texts().all())
    {
        let key = format!("{page}.{element}");
        assert_eq!(french == english, SAME.contains(&key.as_str()), "{key}: {french}");
    }
}

#[test]
fn templates_say_nothing_that_is_not_in_the_catalogue() {
    let mut seen = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let template = fs::read_to_string(&path).unwrap();
        seen += 1;
        let without = |text: &str, open: &str, close: &str| -> String {
            let mut parts = text.split(open);
            let first = parts.next().unwrap().to_owned();
            parts.fold(first, |kept, part| kept + " " + part.split_once(close).map_or("", |(_, after)| after))
        };
        let bare = without(&without(&without(&template, "{#", "#}"), "{%", "%}"), "{{", "}}");
        let words = without(&bare, "<", ">");
        // Macros write attributes without the element that they stand in.
        let attribute = |word: &str| path.ends_with("form.html") && (word.contains(['"', '-']) || word == "autofocus");
        let words = words.split_whitespace().filter(|word| *word != "·" && !attribute(word));
        let words: Vec<&str> = words.collect();
        assert!(words.is_empty(), "{}: {words:?}", path.display());
        for name in ["aria-label", "placeholder", "title", "alt", "data-done"] {
            for value in template.split(&format!(" {name}=\"")).skip(1) {
                assert!(value.starts_with("{{") || value.starts_with('"'), "{}: {name}=\"{value:.40}", path.display());
            }
        }
    }
    assert!(seen > 10, "there are templates to look at");
}

#[test]
fn a_value_is_not_read_for_slots_or_marks() {
    assert_eq!(fill("a {x} b {y}", &[("x", &"{y}"), ("y", &"[1]")]), "a {y} b [1]");
    let marked = Marked::with("Signed in as [{email}], today", Some("a]b[c"));
    assert_eq!(
        (marked.before.as_str(), marked.label.as_str(), marked.after.as_str()),
        ("Signed in as ", "a]b[c", ", today")
    );
    assert_eq!(Marked::with("No link", None).before, "No link");
}

#[test]
fn the_first_language_that_is_spoken_is_chosen() {
    assert_eq!(Language::of_tags("se de-DE fr-CA en"), Some(Language::French));
    assert_eq!(Language::of_tags("se"), None);
    assert_eq!(Language::of_accept_language("de, en;q=0.5, fr;q=0.8"), Some(Language::French));
    assert_eq!(Language::of_accept_language("fr-FR,en"), Some(Language::French));
    assert_eq!(Language::of_accept_language("fr;q=0, en;q=0.1"), Some(Language::English));
    assert_eq!(Language::of_accept_language("fr;q=x, *"), None);
}
