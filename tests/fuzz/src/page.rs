//! What our pages read: languages, and the answers that they carry to applications.

use identity_axum::testing;
use url::Url;

use crate::cut;

/// A language is spoken only when it was asked for. An answer reaches the redirect URI that it is for, whatever is in it, and says
/// there what it said here.
#[must_use]
pub fn page(data: &[u8]) -> bool {
    let (first, rest) = cut(data);
    let (Ok(first), Ok(rest)) = (std::str::from_utf8(first), std::str::from_utf8(rest)) else { return false };
    for chosen in [testing::ui_locales(first), testing::accept_language(first)].into_iter().flatten() {
        assert!(first.to_ascii_lowercase().contains(chosen), "{first:?} is read as {chosen}");
    }
    let Ok(uri) = Url::parse(first) else { return false };
    if uri.fragment().is_some() || first != uri.as_str() {
        return false;
    }
    let params = [("code", rest.to_owned()), ("state", rest.to_owned())];
    let sent = testing::answer(first, &params);
    assert!(http::HeaderValue::from_str(&sent).is_ok(), "{sent:?} is no header");
    let read = Url::parse(&sent).expect("an answer is sent to a URL");
    assert_eq!(
        (read.scheme(), read.host(), read.port(), read.path()),
        (uri.scheme(), uri.host(), uri.port(), uri.path())
    );
    assert_eq!(read.fragment(), None, "{sent}");
    let had = uri.query_pairs().count();
    let new: Vec<_> = read.query_pairs().skip(had).collect();
    let said: Vec<_> = new.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    assert_eq!(said, [("code", rest), ("state", rest)], "{sent}");
    true
}
