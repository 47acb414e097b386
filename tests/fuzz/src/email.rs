//! E-mail addresses.

use identity_core::text::Email;

/// An accepted address has one `@`, nothing that could end a line or a mail header, reads the same again in any case, and can be
/// put into a mail.
#[must_use]
pub fn email(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(email) = Email::parse(text) else { return false };
    let address = email.as_str();
    assert_eq!(address.bytes().filter(|byte| *byte == b'@').count(), 1, "{address:?}");
    assert!(address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte)), "{address:?}");
    assert!(address.len() <= Email::MAX_BYTES && !address.bytes().any(|byte| byte.is_ascii_uppercase()), "{address:?}");
    assert!(address.eq_ignore_ascii_case(text), "{address:?} was made of {text:?}");
    for again in [address, &text.to_ascii_uppercase()] {
        assert_eq!(Email::parse(again).as_ref().map(Email::as_str).ok(), Some(address), "{again:?}");
    }
    assert!(address.parse::<lettre::Address>().is_ok(), "no mail can be sent to {address:?}");
    true
}
