//! The credentials on a request, each absent, presented or malformed: "nobody" and "wrong" never blur.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity_core::secret::Secret;
use identity_core::token::{Token, kind};
use percent_encoding::percent_decode_str;

/// Longest credential that is looked at, in bytes.
const MOST_BYTES: usize = 4096;

/// What a request says about one kind of credential.
#[derive(Clone, Debug)]
pub enum Presentation<T> {
    /// Nothing.
    NotPresented,
    /// A credential that may or may not be good.
    Presented(T),
    /// Something that cannot be a credential.
    Malformed,
}

/// One cookie of a request, by name, with the value as it was sent.
#[derive(Clone, Debug)]
pub struct RawCookie {
    name: String,
    raw: Secret<String>,
    decoded: Secret<String>,
}

impl RawCookie {
    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value exactly as it was sent, for passing on.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.raw.expose()
    }

    /// The value without surrounding quotes and percent encoding.
    #[must_use]
    pub fn decoded(&self) -> &str {
        self.decoded.expose()
    }

    /// Finds the cookie `name`. Of several with that name the first counts; an empty value is no cookie.
    ///
    /// Fields may be repeated (HTTP/2), and the space after `;` may be missing.
    #[must_use]
    pub fn find(headers: &HeaderMap, name: &str) -> Presentation<Self> {
        let fields = headers.get_all(COOKIE).iter();
        let mut pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';')).filter_map(split);
        let Some((_, value)) = pairs.find(|(found, _)| *found == name.as_bytes()) else {
            return Presentation::NotPresented;
        };
        if matches!(value, b"" | b"\"\"") {
            return Presentation::NotPresented;
        }
        Self::read(name, value).map_or(Presentation::Malformed, Presentation::Presented)
    }

    /// A value is graphic ASCII, and UTF-8 behind the encoding.
    fn read(name: &str, value: &[u8]) -> Option<Self> {
        let raw = std::str::from_utf8(value).ok()?;
        if raw.len() > MOST_BYTES || !raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let decoded = percent_decode_str(unquote(raw)).decode_utf8().ok()?;
        Some(Self { name: name.to_owned(), raw: Secret::from(raw), decoded: Secret::from(decoded.into_owned()) })
    }
}

fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = pair.split_at_checked(equals)?;
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}

fn unquote(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// The credential of `Authorization: Bearer` (RFC 6750, section 2.1). Another scheme is none of ours; two fields are malformed.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Presentation<Token<kind::Session>> {
    match bearer_text(headers) {
        Presentation::Presented(token) => Presentation::Presented(Token::presented(token)),
        Presentation::NotPresented => Presentation::NotPresented,
        Presentation::Malformed => Presentation::Malformed,
    }
}

/// The same, for a credential of whatever kind.
pub(crate) fn bearer_text(headers: &HeaderMap) -> Presentation<&str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Presentation::NotPresented };
    if fields.next().is_some() {
        return Presentation::Malformed;
    }
    let Some(behind) = behind_bearer(field) else { return Presentation::NotPresented };
    match std::str::from_utf8(behind) {
        Ok(token) if is_token(token) => Presentation::Presented(token),
        _ => Presentation::Malformed,
    }
}

/// What stands behind `Bearer` in a field, whatever it is; `None` for another scheme.
pub(crate) fn behind_bearer(field: &HeaderValue) -> Option<&[u8]> {
    let text = field.as_bytes().trim_ascii();
    let (scheme, rest) = text.split_at_checked(6).unwrap_or((text, b""));
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer") && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_bearer.then_some(rest.trim_ascii())
}

/// The characters of a bearer token; `%` because a cookie's encoded value is accepted as one.
fn is_token(token: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'%')
    };
    // Each byte is looked at, so that the compiler can look at many at once: a JWT has many, and hardly ever a wrong one.
    (1..=MOST_BYTES).contains(&token.len()) && token.bytes().fold(true, |all, byte| all & plain(byte))
}

/// Whether a token has the form of a JWT: three parts, of which the first begins like a JSON object in base64url. A session token
/// has one dot at most.
fn is_jwt(token: &str) -> bool {
    let (header, rest) = token.split_once('.').unwrap_or_default();
    let begins_an_object = |json: Vec<u8>| json.trim_ascii_start().starts_with(b"{");
    rest.bytes().filter(|byte| *byte == b'.').count() == 1 && URL_SAFE_NO_PAD.decode(header).is_ok_and(begins_an_object)
}

/// The header in which a device presents the token of its anonymous session.
pub const DEVICE_TOKEN: HeaderName = HeaderName::from_static("x-device-session-token");

/// The token of an anonymous session. An empty field is none; two fields, or anything that is no lower-case UUID, are malformed.
#[must_use]
pub fn device_token(headers: &HeaderMap) -> Presentation<Token<kind::Device>> {
    let mut fields = headers.get_all(DEVICE_TOKEN).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Presentation::NotPresented,
        (Some(field), None) if field.is_empty() => Presentation::NotPresented,
        (Some(field), None) => match field.to_str().ok().and_then(Token::parse) {
            Some(token) => Presentation::Presented(token),
            None => Presentation::Malformed,
        },
        (Some(_), Some(_)) => Presentation::Malformed,
    }
}

/// The names under which the auth cookie may travel: `__Secure-` is added when the anchor's cookies are secure.
#[must_use]
pub fn auth_cookie_names(prefix: &str) -> [String; 2] {
    [format!("__Secure-{prefix}.session_token"), format!("{prefix}.session_token")]
}

/// The credential that speaks for a request.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A session token in `Authorization: Bearer`.
    Bearer(Token<kind::Session>),
    /// An access token in `Authorization: Bearer` that can be verified by itself: it has the form of a JWT.
    AccessToken(Token<kind::SignedAccess>),
    /// The auth cookie; both, when a browser holds one with and one without the `__Secure-` prefix.
    Cookies(Vec<RawCookie>),
}

impl Credential {
    /// Chooses the credential of a request: a bearer outranks the cookies, and a malformed bearer does not fall through
    /// to them. A malformed cookie counts as a stale one: absent.
    #[must_use]
    pub fn of(headers: &HeaderMap, cookie_names: &[String]) -> Presentation<Self> {
        match bearer_text(headers) {
            Presentation::Presented(token) if is_jwt(token) => {
                Presentation::Presented(Self::AccessToken(Token::presented(token)))
            }
            Presentation::Presented(token) => Presentation::Presented(Self::Bearer(Token::presented(token))),
            Presentation::Malformed => Presentation::Malformed,
            Presentation::NotPresented => {
                let found = cookie_names.iter().filter_map(|name| match RawCookie::find(headers, name) {
                    Presentation::Presented(cookie) => Some(cookie),
                    Presentation::NotPresented | Presentation::Malformed => None,
                });
                let cookies: Vec<_> = found.collect();
                if cookies.is_empty() {
                    Presentation::NotPresented
                } else {
                    Presentation::Presented(Self::Cookies(cookies))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, fields: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(name, HeaderValue::from_bytes(field).unwrap());
        }
        headers
    }

    fn cookie(fields: &[&[u8]]) -> Presentation<RawCookie> {
        RawCookie::find(&headers(&COOKIE, fields), "a.session_token")
    }

    #[test]
    fn a_cookie_is_found_among_others_and_kept_as_it_was_sent() {
        let found = |fields: &[&[u8]]| match cookie(fields) {
            Presentation::Presented(cookie) => (cookie.raw().to_owned(), cookie.decoded().to_owned()),
            other => panic!("{other:?}"),
        };
        let pair = |raw: &str, decoded: &str| (raw.to_owned(), decoded.to_owned());
        assert_eq!(found(&[b"x=1; a.session_token=t.s%3D; y=2"]), pair("t.s%3D", "t.s="));
        assert_eq!(found(&[b"x=1;a.session_token=t;y=2"]), pair("t", "t"));
        assert_eq!(found(&[b"x=1", b"a.session_token=t"]), pair("t", "t"));
        assert_eq!(found(&[b"a.session_token=\"t%2Bu\""]), pair("\"t%2Bu\"", "t+u"));
        assert_eq!(found(&[b"a.session_token=one; a.session_token=two"]), pair("one", "one"));
        assert_eq!(found(&[b"x=\xff; a.session_token=t=="]), pair("t==", "t=="));
        assert_eq!(found(&[b"b.a.session_token=evil; a.session_token=t"]), pair("t", "t"));
    }

    #[test]
    fn absent_and_malformed_cookies_are_told_apart() {
        let absent: [&[&[u8]]; 5] =
            [&[], &[b"x=1"], &[b"a.session_token="], &[b"a.session_token"], &[b"A.session_token=t"]];
        for fields in absent {
            assert!(matches!(cookie(fields), Presentation::NotPresented), "{fields:?}");
        }
        let long = [b"a.session_token=".as_slice(), &[b'x'; MOST_BYTES + 1]].concat();
        let malformed: [&[&[u8]]; 4] =
            [&[b"a.session_token=\xff"], &[b"a.session_token=%ff"], &[b"a.session_token=a b"], &[&long]];
        for fields in malformed {
            assert!(matches!(cookie(fields), Presentation::Malformed), "{fields:?}");
        }
    }

    #[test]
    fn a_bearer_is_absent_presented_or_malformed() {
        let bearer = |fields: &[&[u8]]| super::bearer(&headers(&AUTHORIZATION, fields));
        for field in [b"Bearer abc.d%3D".as_slice(), b"bearer  abc.d%3D ", b"BEARER abc.d%3D"] {
            assert!(
                matches!(bearer(&[field]), Presentation::Presented(token) if token.expose() == "abc.d%3D"),
                "{field:?}"
            );
        }
        for field in [b"Bearer".as_slice(), b"Bearer ", b"Bearer a b", b"Bearer \xff", b"Bearer a,b", b"Bearer a\"b"] {
            assert!(matches!(bearer(&[field]), Presentation::Malformed), "{field:?}");
        }
        assert!(matches!(bearer(&[b"Bearer a", b"Bearer a"]), Presentation::Malformed));
        assert!(matches!(bearer(&[b"Basic YTpi", b"Bearer a"]), Presentation::Malformed));
        for field in [b"Basic YTpi".as_slice(), b"Bearerabc", b""] {
            assert!(matches!(bearer(&[field]), Presentation::NotPresented), "{field:?}");
        }
    }

    #[test]
    fn a_device_token_is_absent_presented_or_malformed() {
        const TOKEN: &[u8] = b"0d9c1a52-7a4f-4b6e-9d3c-5f2e8a7b6c1d";
        let device = |fields: &[&[u8]]| device_token(&headers(&DEVICE_TOKEN, fields));
        assert!(matches!(device(&[TOKEN]), Presentation::Presented(token) if token.expose().as_bytes() == TOKEN));
        for fields in [&[][..], &[b"".as_slice()]] {
            assert!(matches!(device(fields), Presentation::NotPresented));
        }
        let upper = TOKEN.to_ascii_uppercase();
        let long = [TOKEN, b"0"].concat();
        let moved = b"0d9c1a527-a4f-4b6e-9d3c-5f2e8a7b6c1d".as_slice();
        for bad in [b"x".as_slice(), &upper, &long, moved, b"0d9c1a52-7a4f-4b6e-9d3c-5f2e8a7b6c1\xff"] {
            assert!(matches!(device(&[bad]), Presentation::Malformed), "{bad:?}");
        }
        assert!(matches!(device(&[TOKEN, TOKEN]), Presentation::Malformed));
    }

    #[test]
    fn a_bearer_outranks_the_cookie_and_a_malformed_one_never_falls_through_to_it() {
        let names = auth_cookie_names("better-auth");
        let mut both = headers(&COOKIE, &[b"better-auth.session_token=c"]);
        assert!(matches!(Credential::of(&both, &names), Presentation::Presented(Credential::Cookies(_))));
        both.insert(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert!(matches!(Credential::of(&both, &names), Presentation::Presented(Credential::Bearer(_))));
        both.insert(AUTHORIZATION, HeaderValue::from_static("Bearer"));
        assert!(matches!(Credential::of(&both, &names), Presentation::Malformed));
    }

    #[test]
    fn a_bearer_in_the_form_of_a_jwt_is_an_access_token() {
        let chosen = |token: &str| {
            let headers = headers(&AUTHORIZATION, &[format!("Bearer {token}").as_bytes()]);
            match Credential::of(&headers, &[]) {
                Presentation::Presented(Credential::AccessToken(_)) => "access token",
                Presentation::Presented(Credential::Bearer(_)) => "session",
                other => panic!("{other:?}"),
            }
        };
        let (none, rs256) = ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJSUzI1NiJ9");
        for token in [
            format!("{none}.e30."),
            format!("{rs256}.e30.c2ln"),
            format!("{rs256}.."),
            "e30.x.y".to_owned(),
            "e3g.x.y".to_owned(),
        ] {
            assert_eq!(chosen(&token), "access token", "{token}");
        }
        for token in ["opaque", "token.sig%3D", "a.b.c", "e30.x", "e30.x.y.z", "W10.x.y", "e30=.x.y"] {
            assert_eq!(chosen(token), "session", "{token}");
        }
    }

    #[test]
    fn debug_shows_no_credential() {
        let names = auth_cookie_names("better-auth");
        let cookie = headers(&COOKIE, &[b"__Secure-better-auth.session_token=hush"]);
        let bearer = headers(&AUTHORIZATION, &[b"Bearer hush"]);
        let jwt = headers(&AUTHORIZATION, &[b"Bearer e30.hush.hush"]);
        for headers in [cookie, bearer, jwt] {
            let shown = format!("{:?}", Credential::of(&headers, &names));
            assert!(shown.contains("redacted") && !shown.contains("hush"), "{shown}");
        }
    }
}
