//! Every rule holds for its corpus, and each corpus has input that is let through and input that is not.
#![cfg(test)]

use std::fs;
use std::path::Path;

fn holds(name: &str, rule: fn(&[u8]) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let (passed, refused): (Vec<_>, Vec<_>) = files.partition(|data| rule(data));
    assert!(!passed.is_empty() && !refused.is_empty(), "{} pass, {} do not", passed.len(), refused.len());
}

#[test]
fn a_cookie_that_was_not_signed_with_our_key_is_never_accepted() {
    holds("cookie", identity_fuzz::cookie);
}

#[test]
fn an_accepted_address_is_one_that_mail_can_be_sent_to() {
    holds("email", identity_fuzz::email);
}

#[test]
fn a_redirect_leads_to_a_listed_origin_as_a_browser_reads_it() {
    holds("redirect", identity_fuzz::redirect);
}

#[test]
fn a_host_is_one_of_ours_and_strangers_do_not_choose_their_address() {
    holds("host", identity_fuzz::host);
}

#[test]
fn an_accepted_body_is_neither_deep_nor_has_it_a_nul() {
    holds("body", identity_fuzz::body);
}

#[test]
fn a_stored_hash_costs_a_bounded_amount_and_matches_its_password_only() {
    holds("password_hash", identity_fuzz::password_hash);
}

#[test]
fn a_token_is_good_only_when_our_key_has_signed_it_for_its_issuer_audience_and_time() {
    holds("jwt", identity_fuzz::jwt);
}

#[test]
fn an_authorization_request_is_answered_at_a_registered_address_or_nowhere() {
    holds("authorization", identity_fuzz::authorization);
}

#[test]
fn a_page_speaks_what_was_asked_for_and_carries_an_answer_unchanged() {
    holds("page", identity_fuzz::page);
}

#[test]
fn a_query_of_a_page_opens_what_our_key_has_signed_and_nothing_else() {
    holds("query", identity_fuzz::query);
}
