//! Tokens that were made by somebody else, or into something else, at every door that takes one.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::doors::{Kind, World, part, text};

fn with(object: &Map<String, Value>, more: &Value) -> String {
    let mut object = object.clone();
    object.extend(more.as_object().unwrap().clone());
    text(&object)
}

fn without(object: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut object = object.clone();
    object.remove(name);
    object
}

/// An object with a member in the very words that are given, which need not be JSON that a library would write.
fn worded(object: &Map<String, Value>, name: &str, value: &str) -> String {
    let rest = text(&without(object, name));
    format!("{{\"{name}\":{value},{}", &rest[1..])
}

/// Case 41: a token is signed, by a key of an issuer and by an algorithm of its key, or it is none.
#[tokio::test]
async fn a_token_without_a_signature_opens_nothing() {
    let world = World::start().await;
    world
        .stays_shut(|world, kind| {
            let (pen, header, claims) = world.good(kind);
            let (head, body) = (text(&header), text(&claims));
            let good = pen.writes(&head, &body);
            let signature = good.rsplit_once('.').unwrap().1;
            let mut tokens = Vec::new();
            for name in ["none", "None", "NONE", "nOnE", "", "null"] {
                let head = part(with(&header, &json!({ "alg": name })));
                for signature in ["", signature, "AAAA"] {
                    tokens.push((
                        format!("alg {name:?} and {signature:?}"),
                        format!("{head}.{}.{signature}", part(&body)),
                    ));
                }
                tokens.push((format!("alg {name:?}, two parts"), format!("{head}.{}", part(&body))));
            }
            let nameless = part(text(&without(&without(&header, "kid"), "alg")));
            for (what, token) in [
                ("an empty signature", format!("{}.{}.", part(&head), part(&body))),
                ("two parts", format!("{}.{}", part(&head), part(&body))),
                ("four parts", format!("{good}.")),
                ("the claims alone", part(&body)),
                ("no alg", format!("{nameless}.{}.", part(&body))),
                ("alg as a list", pen.writes(&with(&header, &json!({ "alg": ["EdDSA", "none"] })), &body)),
                ("another alg of the key", pen.writes(&with(&header, &json!({ "alg": "RS256" })), &body)),
                ("an alg in lower case", pen.writes(&with(&header, &json!({ "alg": "eddsa" })), &body)),
                ("the signature of other claims", {
                    let other = with(&claims, &json!({ "jti": "other" }));
                    format!("{}.{}.{signature}", part(&head), part(other))
                }),
                ("a signature that is cut short", good[..good.len() - 4].to_owned()),
            ] {
                tokens.push((what.to_owned(), token));
            }
            // The public key as the secret of an HMAC.
            let jwk = pen.jwk();
            let x = jwk["x"].as_str().unwrap();
            let secrets =
                [URL_SAFE_NO_PAD.decode(x).unwrap(), x.as_bytes().to_vec(), jwk.to_string().into_bytes(), Vec::new()];
            for alg in ["HS256", "EdDSA"] {
                let message = format!("{}.{}", part(with(&header, &json!({ "alg": alg }))), part(&body));
                for secret in &secrets {
                    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
                    tokens.push((format!("{alg} by the public key"), format!("{message}.{}", part(tag))));
                }
            }
            tokens
        })
        .await;
}

/// Case 42: a token does not bring the key along that it is verified with, nor say where that is.
#[tokio::test]
async fn a_key_that_a_token_brings_or_names_is_neither_used_nor_fetched() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = json!([STANDARD.encode(certified.cert.der())]);
    let pkcs8 = certified.signing_key.serialize_der();
    let world = World::start().await;
    let canary = world.canary.url();
    world
        .stays_shut(|world, kind| {
            let (pen, header, claims) = world.good(kind);
            let stranger = &world.stranger;
            let mut tokens = Vec::new();
            let secure = canary.replace("http:", "https:");
            let named = [
                ("an embedded key", json!({ "jwk": stranger.jwk() })),
                ("the address of keys", json!({ "jku": canary })),
                ("the address of keys by https", json!({ "jku": secure })),
                ("the address of a certificate", json!({ "x5u": canary })),
                (
                    "all of them",
                    json!({ "jwk": stranger.jwk(), "jku": canary, "x5u": canary, "x5c": chain, "x5t": "x" }),
                ),
                ("nothing", json!({})),
            ];
            for (what, more) in named {
                for kid in [json!(pen.id), json!(stranger.id), json!(canary), json!(""), Value::Null] {
                    let mut header = header.clone();
                    header.insert("kid".to_owned(), kid.clone());
                    header.retain(|_, value| !value.is_null());
                    let token = stranger.writes(&with(&header, &more), &text(&claims));
                    tokens.push((format!("{what}, kid {kid}"), token));
                }
            }
            // A certificate that signed itself, with a signature that fits.
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
            for kid in [pen.id.as_str(), "certificate"] {
                let head = with(&header, &json!({ "alg": "ES256", "kid": kid, "x5c": chain }));
                let message = format!("{}.{}", part(head), part(text(&claims)));
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
                tokens.push((format!("a certificate, kid {kid}"), format!("{message}.{}", part(signature))));
            }
            // The claims may name whom they like.
            let elsewhere =
                with(&claims, &json!({ "iss": canary, "jwks_uri": canary, "cnf": { "jwk": stranger.jwk() } }));
            tokens.push(("another issuer".to_owned(), stranger.writes(&text(&header), &elsewhere)));
            tokens.push(("another issuer, signed by the right key".to_owned(), pen.writes(&text(&header), &elsewhere)));
            tokens
        })
        .await;
}

/// Case 43: an extension that has to be understood is not, whatever it is.
#[tokio::test]
async fn a_token_with_a_critical_extension_opens_nothing() {
    let world = World::start().await;
    world
        .stays_shut(|world, kind| {
            let (pen, header, claims) = world.good(kind);
            let body = text(&claims);
            let mut tokens: Vec<(String, String)> = [
                json!({ "crit": ["x"], "x": 1 }),
                json!({ "crit": ["x"] }),
                json!({ "crit": [] }),
                json!({ "crit": "exp" }),
                json!({ "crit": ["exp"], "exp": 9_999_999_999_u64 }),
                json!({ "crit": ["b64"], "b64": false }),
                json!({ "crit": ["b64"], "b64": true }),
                json!({ "crit": ["alg", "kid", "typ"] }),
                json!({ "crit": null }),
                json!({ "crit": {} }),
                json!({ "crit": false }),
            ]
            .into_iter()
            .map(|more| (more.to_string(), pen.writes(&with(&header, &more), &body)))
            .collect();
            // Signed as `b64` says: over the payload itself.
            let head = part(with(&header, &json!({ "crit": ["b64"], "b64": false })));
            let signature = pen.pair.sign(format!("{head}.{body}").as_bytes());
            tokens.push(("a payload as it is".to_owned(), format!("{head}.{}.{}", part(&body), part(signature))));
            tokens
        })
        .await;
}

/// Case 44: the times of a token are there, and are numbers.
#[tokio::test]
async fn a_token_whose_times_are_missing_or_no_numbers_opens_nothing() {
    let world = World::start().await;
    world
        .stays_shut(|world, kind| {
            let (pen, header, claims) = world.good(kind);
            let head = text(&header);
            let mut tokens = vec![("no exp".to_owned(), pen.writes(&head, &text(&without(&claims, "exp"))))];
            let mut rows = vec![
                ("exp", "\"9999999999\""),
                ("exp", "\"\""),
                ("exp", "null"),
                ("exp", "[]"),
                ("exp", "[9999999999]"),
                ("exp", "{}"),
                ("exp", "true"),
                ("exp", "1e999"),
                ("exp", "-1e999"),
                ("exp", "1e300"),
                ("exp", "NaN"),
                ("exp", "Infinity"),
                ("exp", "99999999999999999999"),
                ("exp", "09999999999"),
                ("exp", "0x7fffffffff"),
                ("nbf", "\"x\""),
                ("nbf", "\"0\""),
                ("nbf", "[]"),
                ("nbf", "null"),
                ("nbf", "9999999999"),
                ("iat", "{}"),
                ("iat", "\"0\""),
                ("iat", "null"),
                ("iat", "9999999999"),
            ];
            if kind != Kind::Hint {
                // A hint that has run out is as good as any.
                rows.extend([("exp", "-1"), ("exp", "0"), ("exp", "1.5")]);
            }
            for (name, value) in rows {
                let payload = worded(&claims, name, value);
                tokens.push((format!("{name} {value}"), pen.writes(&head, &payload)));
            }
            tokens
        })
        .await;
}
