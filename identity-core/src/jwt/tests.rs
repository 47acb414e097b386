// What signs is only there with a store.
#![cfg(feature = "store")]

use std::sync::OnceLock;

use jsonwebtoken::crypto::{CryptoProvider, KeyUtils};
use jsonwebtoken::jwk::AlgorithmParameters;
use serde_json::json;

use super::*;
use crate::crypto::Signer;
use crate::crypto::hmac;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.test";

/// A key that is made once, because RSA takes its time.
fn signer(algorithm: Algorithm) -> &'static Signer {
    static KEYS: [OnceLock<Signer>; 4] = [const { OnceLock::new() }; 4];
    let place = Algorithm::ALL.iter().position(|other| *other == algorithm).unwrap();
    KEYS[place].get_or_init(|| Signer::generate(format!("key-{algorithm}"), algorithm).unwrap())
}

fn jwk(algorithm: Algorithm) -> Jwk {
    signer(algorithm).jwk().unwrap()
}

fn set(keys: impl IntoIterator<Item = Jwk>) -> JwkSet {
    JwkSet { keys: keys.into_iter().collect() }
}

/// A JWK with some of its fields replaced, or taken away by `null`.
fn changed(jwk: &Jwk, changes: &Value) -> Jwk {
    let mut fields = serde_json::to_value(jwk).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields[name] = value.clone();
    }
    fields.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    serde_json::from_value(fields).unwrap()
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "app", "sub": "ann", "iat": NOW, "exp": NOW + 60 })
}

/// Good claims with some replaced, or taken away by `null`.
fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn header_of(algorithm: Algorithm) -> Value {
    json!({ "alg": algorithm, "kid": format!("key-{algorithm}"), "typ": "at+jwt" })
}

fn sign(header: &Value, claims: &Value) -> String {
    signer(Algorithm::EdDsa).compact(header, claims.to_string().as_bytes()).unwrap()
}

fn good() -> String {
    sign(&header_of(Algorithm::EdDsa), &claims())
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        audience: &["app", "other"],
        types: &["at+jwt"],
        algorithms: Algorithm::ALL,
        now: Timestamp::from_timestamp(NOW, 0).unwrap(),
        leeway: Duration::ZERO,
        allow_expired: false,
    }
}

fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Map<String, Value>, Refusal> {
    KeySet::from(keys).verify_any(token, expected)
}

fn verdict(token: &str) -> Result<(), Refusal> {
    verify(token, &set([jwk(Algorithm::EdDsa)]), &expected()).map(|_| ())
}

fn verdict_of_header(header: &Value) -> Result<(), Refusal> {
    verdict(&sign(header, &claims()))
}

fn verdict_of_claims(changes: &Value) -> Result<(), Refusal> {
    verdict(&sign(&header_of(Algorithm::EdDsa), &with(changes)))
}

#[test]
fn a_token_of_each_algorithm_is_good_for_its_key_and_for_no_other() {
    for &algorithm in Algorithm::ALL {
        let token = signer(algorithm).sign("at+jwt", claims().as_object().unwrap()).unwrap();
        let verified = verify(&token, &set(Algorithm::ALL.iter().map(|&other| jwk(other))), &expected());
        assert_eq!(Value::from(verified.unwrap()), claims(), "{algorithm}");
        let other = Signer::generate(format!("key-{algorithm}"), algorithm).unwrap().jwk().unwrap();
        assert_eq!(verify(&token, &set([other]), &expected()), Err(Refusal::Signature), "{algorithm}");
    }
}

#[test]
fn the_public_key_is_no_secret_that_an_hmac_could_be_made_with() {
    let key = jwk(Algorithm::Rs256);
    let AlgorithmParameters::RSA(parameters) = &key.algorithm else { panic!("an RSA key") };
    let secrets = [bytes(&parameters.n).unwrap(), parameters.n.clone().into_bytes(), serde_json::to_vec(&key).unwrap()];
    for name in ["HS256", "HS384", "HS512"] {
        for secret in &secrets {
            let header = json!({ "alg": name, "kid": "key-RS256", "typ": "at+jwt" });
            let signed = [header, claims()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
            let tag = URL_SAFE_NO_PAD.encode(hmac::Key::new(secret).sign(signed.as_bytes()));
            let token = format!("{signed}.{tag}");
            assert_eq!(verify(&token, &set([key.clone()]), &expected()), Err(Refusal::Algorithm), "{name}");
            // Not even where the header says what is expected.
            let token = token.replacen(signed.split('.').next().unwrap(), &encoded(&header_of(Algorithm::Rs256)), 1);
            assert_eq!(verify(&token, &set([key.clone()]), &expected()), Err(Refusal::Signature));
        }
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_token_without_a_signature_is_refused_whatever_it_calls_that() {
    for name in ["none", "None", "NONE", "nOnE", "", "eddsa", "RSA1_5"] {
        let header = json!({ "alg": name, "kid": "key-EdDSA", "typ": "at+jwt" });
        for signature in ["", "AAAA"] {
            let token = format!("{}.{}.{signature}", encoded(&header), encoded(&claims()));
            assert_eq!(verdict(&token), Err(Refusal::Algorithm), "{name}");
        }
    }
    let (signed, _) = good().rsplit_once('.').map(|(signed, tag)| (signed.to_owned(), tag.to_owned())).unwrap();
    assert_eq!(verdict(&format!("{signed}.")), Err(Refusal::Signature));
    assert_eq!(verdict(&signed), Err(Refusal::Malformed));
    assert_eq!(verdict_of_header(&json!({ "kid": "key-EdDSA", "typ": "at+jwt" })), Err(Refusal::Malformed));
}

#[test]
fn a_key_is_used_with_the_algorithm_that_it_names_and_no_other() {
    let rs256 = signer(Algorithm::Rs256).sign("at+jwt", claims().as_object().unwrap()).unwrap();
    let key = jwk(Algorithm::Rs256);
    let unnamed = changed(&key, &json!({ "alg": null }));
    assert!(verify(&rs256, &set([unnamed.clone()]), &expected()).is_ok());
    for name in ["PS256", "RS512", "ES256", "HS256", "RSA-OAEP", "something"] {
        let other = changed(&key, &json!({ "alg": name }));
        // A key for the other padding is known, and others are none at all.
        let refusal = if name == "PS256" { Refusal::Algorithm } else { Refusal::UnknownKey };
        assert_eq!(verify(&rs256, &set([other]), &expected()), Err(refusal), "{name}");
    }
    // The other padding of the same key is another signature.
    let relabelled = rs256.replacen(
        rs256.split('.').next().unwrap(),
        &encoded(&json!({ "alg": "PS256", "kid": "key-RS256", "typ": "at+jwt" })),
        1,
    );
    assert_eq!(verify(&relabelled, &set([unnamed]), &expected()), Err(Refusal::Signature));
    let narrow = Expected { algorithms: &[Algorithm::Ps256, Algorithm::EdDsa], ..expected() };
    assert_eq!(verify(&rs256, &set([key]), &narrow), Err(Refusal::Algorithm));
}

#[test]
fn a_key_for_something_else_and_a_weak_key_fit_nothing() {
    let key = jwk(Algorithm::Rs256);
    let AlgorithmParameters::RSA(parameters) = &key.algorithm else { panic!("an RSA key") };
    let changes = [
        json!({ "use": "enc" }),
        json!({ "use": "something" }),
        json!({ "use": null, "key_ops": ["sign"] }),
        json!({ "use": null, "key_ops": [] }),
        json!({ "n": parameters.n[..171] }),
        json!({ "n": parameters.n.repeat(5) }),
        json!({ "kty": "oct", "k": parameters.n, "n": null, "e": null }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "n": null, "e": null }),
        json!({ "kty": "RSA", "n": null }),
    ];
    for change in changes {
        assert!(!Algorithm::Rs256.fits(&changed(&key, &change)), "{change}");
    }
    assert!(Algorithm::Rs256.fits(&changed(&key, &json!({ "use": null, "key_ops": ["verify"] }))));
    assert!(!Algorithm::Es256.fits(&changed(&jwk(Algorithm::Es256), &json!({ "crv": "P-384" }))));
    assert!(!Algorithm::EdDsa.fits(&changed(&jwk(Algorithm::EdDsa), &json!({ "crv": "P-256" }))));
}

#[test]
fn a_key_that_is_damaged_verifies_nothing() {
    let cases = [
        (Algorithm::Rs256, json!({ "n": format!("AAAA{}", "A".repeat(338)) })),
        (Algorithm::Rs256, json!({ "n": "*".repeat(342) })),
        (Algorithm::Rs256, json!({ "e": "" })),
        (Algorithm::Rs256, json!({ "e": "AQ" })),
        (Algorithm::Es256, json!({ "x": "AA" })),
        (Algorithm::Es256, json!({ "y": "A".repeat(43) })),
        (Algorithm::Es256, json!({ "y": "=" })),
        (Algorithm::EdDsa, json!({ "x": "AA" })),
        (Algorithm::EdDsa, json!({ "x": "A".repeat(43) })),
    ];
    for (algorithm, change) in cases {
        let token = signer(algorithm).sign("at+jwt", claims().as_object().unwrap()).unwrap();
        let key = changed(&jwk(algorithm), &change);
        let refusal = verify(&token, &set([key]), &expected()).unwrap_err();
        assert!(matches!(refusal, Refusal::UnknownKey | Refusal::Signature), "{change}: {refusal}");
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let stranger = Signer::generate("stranger", Algorithm::EdDsa).unwrap();
    for extra in [
        json!({ "jwk": stranger.jwk().unwrap() }),
        json!({ "jku": "https://evil.example/keys" }),
        json!({ "x5c": ["AA"] }),
    ] {
        for kid in [json!("key-EdDSA"), json!("stranger")] {
            let mut header = json!({ "alg": "EdDSA", "kid": kid, "typ": "at+jwt" });
            header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let token = stranger.compact(&header, claims().to_string().as_bytes()).unwrap();
            let refusal = if kid == "stranger" { Refusal::UnknownKey } else { Refusal::Signature };
            assert_eq!(verdict(&token), Err(refusal), "{header}");
        }
    }
}

#[test]
fn an_extension_that_must_be_understood_is_not() {
    for critical in [json!(["b64"]), json!(["exp"]), json!([]), json!("exp"), Value::Null] {
        let mut header = header_of(Algorithm::EdDsa);
        header["crit"] = critical.clone();
        header["b64"] = json!(false);
        assert_eq!(verdict_of_header(&header), Err(Refusal::Critical), "{critical}");
    }
}

#[test]
fn a_token_that_names_no_key_is_good_where_only_one_can_be_meant() {
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt" });
    let token = sign(&header, &claims());
    let (own, other) = (jwk(Algorithm::EdDsa), Signer::generate("other", Algorithm::EdDsa).unwrap().jwk().unwrap());
    let nameless = changed(&own, &json!({ "kid": null }));
    let good = |keys: JwkSet| verify(&token, &keys, &expected()).map(|_| ());
    let named_alone = KeySet::from(&set([own.clone()])).verify(&token, &expected());
    assert_eq!(named_alone, Err(Refusal::UnknownKey), "where keys have to be named");
    assert_eq!(good(set([own.clone()])), Ok(()));
    assert_eq!(good(set([nameless])), Ok(()));
    assert_eq!(good(set([jwk(Algorithm::Es256), own.clone()])), Ok(()));
    assert_eq!(good(set([own.clone(), other.clone()])), Err(Refusal::UnknownKey));
    assert_eq!(good(set([other.clone(), own.clone()])), Err(Refusal::UnknownKey));
    assert_eq!(good(set([])), Err(Refusal::UnknownKey));
    // A name that no key has is not no name.
    let named = sign(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "gone" }), &claims());
    assert_eq!(verdict(&named), Err(Refusal::UnknownKey));
    let same_name = changed(&jwk(Algorithm::Es256), &json!({ "kid": "key-EdDSA" }));
    assert!(verify(&super::tests::good(), &set([same_name, own]), &expected()).is_ok());
    assert_eq!(verdict_of_header(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": 7 })), Err(Refusal::Malformed));
}

#[test]
fn a_token_of_another_type_is_refused() {
    for typ in [json!("at+jwt"), json!("AT+JWT"), json!("application/at+jwt"), json!("Application/At+Jwt")] {
        assert_eq!(verdict_of_header(&json!({ "alg": "EdDSA", "kid": "key-EdDSA", "typ": typ })), Ok(()), "{typ}");
    }
    for typ in [json!("JWT"), json!("logout+jwt"), json!("at"), json!(""), json!("application/application/at+jwt")] {
        let verdict = verdict_of_header(&json!({ "alg": "EdDSA", "kid": "key-EdDSA", "typ": typ }));
        assert_eq!(verdict, Err(Refusal::Type), "{typ}");
    }
    let untyped = sign(&json!({ "alg": "EdDSA", "kid": "key-EdDSA" }), &claims());
    assert_eq!(verdict(&untyped), Err(Refusal::Type));
    let any = Expected { types: &[], ..expected() };
    assert!(verify(&untyped, &set([jwk(Algorithm::EdDsa)]), &any).is_ok());
    assert_eq!(verdict_of_header(&json!({ "alg": "EdDSA", "kid": "key-EdDSA", "typ": 1 })), Err(Refusal::Malformed));
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    for issuer in [
        Value::Null,
        json!("https://id.example.test/"),
        json!("https://ID.example.test"),
        json!("http://id.example.test"),
        json!(""),
        json!([ISSUER]),
    ] {
        assert_eq!(verdict_of_claims(&json!({ "iss": issuer })), Err(Refusal::Issuer), "{issuer}");
    }
}

#[test]
fn an_audience_is_one_or_several_and_has_to_be_named() {
    for good in [json!("app"), json!("other"), json!(["app"]), json!(["stranger", "app"]), json!([7, "app"])] {
        assert_eq!(verdict_of_claims(&json!({ "aud": good })), Ok(()), "{good}");
    }
    for bad in [
        Value::Null,
        json!("stranger"),
        json!("App"),
        json!("app "),
        json!([]),
        json!(["stranger"]),
        json!({ "app": "app" }),
        json!(7),
    ] {
        assert_eq!(verdict_of_claims(&json!({ "aud": bad })), Err(Refusal::Audience), "{bad}");
    }
    let token = sign(&header_of(Algorithm::EdDsa), &with(&json!({ "aud": null })));
    let any = Expected { audience: &[], ..expected() };
    assert!(verify(&token, &set([jwk(Algorithm::EdDsa)]), &any).is_ok());
    let many = with(&json!({ "aud": ["a", 7, "b"] }));
    assert_eq!(audiences(many.as_object().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_token_runs_out_and_says_when() {
    for good in [json!(NOW + 1), json!(1_800_000_001.5), json!(253_402_300_800_i64)] {
        assert_eq!(verdict_of_claims(&json!({ "exp": good })), Ok(()), "{good}");
    }
    for over in [Value::Null, json!(NOW), json!(NOW - 1), json!(0), json!(-1), json!(1_800_000_000.5)] {
        assert_eq!(verdict_of_claims(&json!({ "exp": over })), Err(Refusal::Expired), "{over}");
    }
    for nonsense in [
        json!("1800000060"),
        json!(true),
        json!([NOW + 60]),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(1e300),
        json!(-1e300),
    ] {
        assert_eq!(verdict_of_claims(&json!({ "exp": nonsense })), Err(Refusal::Malformed), "{nonsense}");
    }
    let keys = set([jwk(Algorithm::EdDsa)]);
    let verdict = |changes: Value, expected: &Expected<'_>| {
        verify(&sign(&header_of(Algorithm::EdDsa), &with(&changes)), &keys, expected).map(|_| ())
    };
    let lenient = Expected { leeway: Duration::from_secs(10), ..expected() };
    assert_eq!(verdict(json!({ "exp": NOW - 9 }), &lenient), Ok(()));
    assert_eq!(verdict(json!({ "exp": NOW - 10 }), &lenient), Err(Refusal::Expired));
    let hint = Expected { allow_expired: true, ..expected() };
    assert_eq!(verdict(json!({ "exp": 0 }), &hint), Ok(()));
    assert_eq!(verdict(json!({ "exp": null }), &hint), Err(Refusal::Expired));
    assert_eq!(verdict(json!({ "exp": 0, "iss": "another" }), &hint), Err(Refusal::Issuer));
}

#[test]
fn a_token_whose_time_is_yet_to_come_is_refused() {
    for name in ["nbf", "iat"] {
        assert_eq!(verdict_of_claims(&json!({ name: NOW })), Ok(()));
        assert_eq!(verdict_of_claims(&json!({ name: NOW + 1 })), Err(Refusal::NotYet), "{name}");
        assert_eq!(verdict_of_claims(&json!({ name: "soon" })), Err(Refusal::Malformed), "{name}");
        let token = sign(&header_of(Algorithm::EdDsa), &with(&json!({ name: NOW + 10 })));
        let lenient = Expected { leeway: Duration::from_secs(10), ..expected() };
        assert!(verify(&token, &set([jwk(Algorithm::EdDsa)]), &lenient).is_ok(), "{name}");
    }
    assert_eq!(verdict_of_claims(&json!({ "iat": null })), Ok(()));
}

#[test]
fn a_huge_token_is_not_looked_at() {
    let filled = |length: usize| sign(&header_of(Algorithm::EdDsa), &with(&json!({ "x": "x".repeat(length) })));
    assert_eq!(verdict(&filled(11_000)), Ok(()));
    let huge = filled(13_000);
    assert!(huge.len() > MOST_BYTES);
    assert_eq!(verdict(&huge), Err(Refusal::Malformed));
    assert_eq!(header(&huge), Err(Refusal::Malformed));
    assert_eq!(peek(&huge), Err(Refusal::Malformed));
    assert_eq!(verdict(&".".repeat(16_000)), Err(Refusal::Malformed));
}

#[test]
fn what_is_not_a_jws_in_compact_form_is_malformed() {
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, tag) = (parts[0], parts[1], parts[2]);
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let signed = |payload: &[u8]| signer(Algorithm::EdDsa).compact(&header_of(Algorithm::EdDsa), payload).unwrap();
    let tokens = [
        String::new(),
        "a.b".to_owned(),
        "..".to_owned(),
        format!("{head}.{body}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{head}.{body}.{tag}.{tag}"),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{head}.{body}.{tag}="),
        format!("{head}=.{body}.{tag}"),
        format!("{head}.{body}.{}", tag.replace(['-', '_'], "+") + "+"),
        format!("{}.{body}.{tag}", URL_SAFE_NO_PAD.encode("not json")),
        format!("{}.{body}.{tag}", URL_SAFE_NO_PAD.encode("[]")),
        format!("{}.{body}.{tag}", URL_SAFE_NO_PAD.encode(r#"{"alg":7}"#)),
        format!("{}.{body}.{tag}", URL_SAFE_NO_PAD.encode(&deep)),
        signed(b"not json"),
        signed(b"\"text\""),
        signed(b"{} {}"),
        signed(&[0xff, 0xfe]),
        signed(format!(r#"{{"iss":"{ISSUER}","exp":1e400}}"#).as_bytes()),
        signed(deep.as_bytes()),
    ];
    for token in tokens {
        assert_eq!(verdict(&token), Err(Refusal::Malformed), "{token}");
    }
}

#[test]
fn a_token_with_one_changed_bit_is_refused() {
    let good = good();
    assert_eq!(verdict(&good), Ok(()));
    for position in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[position] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert!(verdict(&changed).is_err(), "byte {position} of {changed}");
    }
}

#[test]
fn looking_into_a_token_proves_nothing_and_needs_no_key() {
    let token = format!("{}.{}.", encoded(&json!({ "alg": "ES256", "typ": "JWT" })), encoded(&claims()));
    assert_eq!(Value::from(peek(&token).unwrap()), claims());
    let kind = Some("jwt".to_owned());
    assert_eq!(header(&token), Ok(Header { algorithm: Algorithm::Es256, key_id: None, kind }));
}

#[test]
fn the_library_that_others_in_the_process_have_set_up_otherwise_is_not_asked() {
    static PANICS: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| panic!("asked to sign"),
        verifier_factory: |_, _| panic!("asked to verify"),
        key_utils: KeyUtils::new_unimplemented(),
    };
    let _ = PANICS.install_default();
    for &algorithm in Algorithm::ALL {
        let token = signer(algorithm).sign("at+jwt", claims().as_object().unwrap()).unwrap();
        assert!(verify(&token, &set([jwk(algorithm)]), &expected()).is_ok(), "{algorithm}");
    }
}
