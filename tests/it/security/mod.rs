//! Attacks that were published against others, tried here. Each has a number, under which `book/src/security/attacks.md` says what is
//! tried; the table names the tests elsewhere that show one.

mod accounts;
mod addresses;
mod bodies;
mod browsers;
mod codes;
mod configuration;
mod consents;
mod deletion;
mod devices;
mod doors;
mod fetches;
mod foreign_tokens;
mod frames;
mod leaks;
mod limits;
mod links;
mod logouts;
mod names;
mod over_http;
mod passwords;
mod pictures;
mod redirect_uris;
mod refreshes;
mod registration;
mod sessions;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The cases that hold for what there is.
const CASES: [u32; 78] = [
    1, 2, 10, 11, 16, 18, 19, 20, 23, 25, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45,
    47, 48, 49, 50, 51, 52, 53, 56, 57, 58, 61, 62, 64, 65, 66, 72, 74, 75, 77, 78, 79, 80, 83, 84, 85, 86, 88, 89, 90,
    91, 95, 96, 99, 100, 105, 106, 107, 108, 109, 110, 115, 116, 117, 118, 119, 120, 126, 127, 128,
];

/// What is shown elsewhere, in full or besides what is shown in this folder: the case, the file from the root of the workspace, the test.
const ELSEWHERE: &[(u32, &str, &str)] = &[
    (1, "tests/it/better_auth/redirects.rs", "links_lead_to_trusted_places_alone"),
    (2, "tests/it/better_auth/redirects.rs", "every_endpoint_checks_before_it_does_anything"),
    (10, "tests/it/better_auth/sign_up.rs", "where_addresses_have_to_be_proved_a_taken_one_answers_like_a_free_one"),
    (11, "tests/it/better_auth/change_email.rs", "an_address_that_was_taken_meanwhile_stays_with_its_owner"),
    (16, "tests/it/better_auth/password.rs", "changing_takes_the_current_password_and_a_good_new_one"),
    (18, "tests/it/better_auth/sign_out.rs", "signing_out_makes_the_old_cookie_useless_at_once"),
    (18, "tests/it/better_auth/password.rs", "a_changed_password_replaces_all_sessions_when_asked_to"),
    (19, "tests/it/better_auth/cookies.rs", "a_copy_of_the_session_cannot_be_made_up_or_moved"),
    (19, "tests/it/better_auth/garbage.rs", "garbage_in_cookies_is_nobody"),
    (26, "tests/it/oidc/authorize.rs", "a_wrong_client_or_redirect_uri_goes_nowhere"),
    (
        26,
        "tests/it/flows/clients/metadata.rs",
        "redirect_uris_are_compared_character_by_character_but_for_the_port_of_a_loopback_address",
    ),
    (28, "tests/it/oidc/authorize.rs", "a_native_client_chooses_its_port_and_nothing_else"),
    (30, "tests/it/oidc/token.rs", "a_code_is_bound_to_verifier_and_redirect_uri"),
    (31, "tests/it/oidc/metadata.rs", "both_documents_are_the_same_and_say_what_there_is"),
    (32, "tests/it/oidc/token.rs", "a_code_in_the_hands_of_another_client_is_burnt"),
    (35, "tests/it/flows/clients/registration.rs", "who_may_register_is_for_the_operator_to_say"),
    (36, "tests/it/flows/clients/credentials.rs", "a_client_proves_itself_as_it_registered_and_in_no_other_way"),
    (37, "tests/it/flows/clients/registration.rs", "a_bad_registration_is_refused_in_the_words_of_the_specification"),
    (37, "tests/it/flows/clients/metadata.rs", "nonsense_about_a_client_is_refused_with_the_field"),
    (38, "tests/it/flows/clients/outbound.rs", "nothing_inside_of_our_networks_is_reached_on_the_word_of_a_client"),
    (38, "tests/it/pages/logo.rs", "nothing_inside_is_fetched_for_a_picture"),
    (39, "tests/it/flows/clients/outbound.rs", "what_is_no_key_set_proves_nobody"),
    (41, "identity-core/src/jwt/tests.rs", "a_token_without_a_signature_is_refused_whatever_it_calls_that"),
    (41, "tests/it/base_service/jwt.rs", "a_bad_token_is_401_whatever_stands_beside_it"),
    (42, "identity-core/src/jwt/tests.rs", "a_key_that_the_token_brings_along_is_not_looked_at"),
    (43, "identity-core/src/jwt/tests.rs", "an_extension_that_must_be_understood_is_not"),
    (44, "identity-core/src/jwt/tests.rs", "a_token_runs_out_and_says_when"),
    (44, "tests/it/flows/clients/assertions.rs", "an_assertion_is_for_us_of_the_client_and_good_for_minutes"),
    (45, "tests/it/oidc/resource.rs", "a_resource_becomes_the_audience_and_can_be_narrowed_and_never_widened"),
    (45, "tests/it/oidc/refresh.rs", "scope_and_resource_may_be_less_and_never_more"),
    (47, "tests/it/better_auth/origin_and_cors.rs", "requests_for_other_hosts_are_not_answered"),
    (56, "tests/it/better_auth/origin_and_cors.rs", "cookies_without_an_origin_are_refused_and_a_referer_may_stand_in"),
    (57, "tests/it/better_auth/origin_and_cors.rs", "trusted_origins_get_cors_and_others_get_none"),
    (58, "tests/it/better_auth/bodies.rs", "a_body_of_another_type_is_refused"),
    (61, "tests/it/base_service/modes.rs", "a_ban_and_a_new_role_count_at_the_next_call"),
    (62, "tests/it/better_auth/session.rs", "a_session_of_somebody_else_cannot_be_revoked"),
    (62, "tests/it/better_auth/accounts.rs", "an_account_of_somebody_else_cannot_be_unlinked"),
    (64, "tests/it/better_auth/session.rs", "a_list_of_sessions_shows_no_token_but_the_own_one"),
    (65, "tests/it/better_auth/sign_up.rs", "nobody_sets_what_only_the_system_sets"),
    (65, "tests/it/better_auth/user.rs", "what_is_not_for_the_user_to_change_is_refused"),
    (66, "tests/it/better_auth/bodies.rs", "what_is_no_json_is_called_so"),
    (66, "tests/it/better_auth/bodies.rs", "missing_and_wrongly_typed_fields_are_named"),
    (66, "tests/it/better_auth/bodies.rs", "a_nul_character_is_refused_wherever_it_hides"),
    (66, "tests/it/better_auth/bodies.rs", "a_body_may_have_64_kib_and_32_levels"),
    (72, "tests/it/better_auth/verify_email.rs", "a_link_signs_in_the_browser_that_signed_up_and_no_other"),
    (72, "tests/it/better_auth/change_email.rs", "without_a_session_a_page_asks_before_the_address_changes"),
    (78, "tests/it/better_auth/sign_in.rs", "equal_looking_passwords_are_one"),
    (79, "identity-core/src/crypto/password/pool.rs", "a_full_queue_refuses_at_once"),
    (80, "identity-core/src/crypto/password/tests.rs", "an_import_cannot_ask_for_more_than_a_bounded_cost"),
    (80, "tests/it/flows/imported_hashes.rs", "a_hash_that_cannot_be_read_is_a_wrong_password_and_no_fault"),
    (83, "tests/it/better_auth/garbage.rs", "absurd_headers_are_survived"),
    (88, "tests/it/pages/headers.rs", "every_page_keeps_others_out_and_itself_private"),
    (89, "identity-core/src/mail/template/tests.rs", "html_is_escaped_once_and_text_not_at_all"),
    (89, "tests/it/better_auth/redirects.rs", "a_confirmation_page_escapes_what_came_with_the_link"),
    (89, "identity-server/src/mailbox.rs", "the_page_runs_nothing_that_a_mail_brings"),
    (89, "tests/it/pages/hostile.rs", "an_application_cannot_say_more_than_its_name"),
    (89, "tests/it/pages/hostile.rs", "the_name_of_a_user_is_text"),
    (90, "tests/it/pages/hostile.rs", "hostile_addresses_of_an_application_are_not_linked"),
    (91, "tests/it/pages/logo.rs", "what_is_no_picture_or_not_there_in_time_is_a_letter"),
    (96, "tests/it/flows/what_ends_sessions.rs", "a_reset_ends_all"),
    (96, "tests/it/flows/races/accounts.rs", "a_ban_leaves_no_session_that_was_being_opened"),
    (99, "tests/it/better_auth/delete_user.rs", "a_deleted_account_leaves_no_trace"),
    (99, "tests/it/flows/audit.rs", "a_deleted_account_leaves_a_record_that_names_nobody"),
    (100, "tests/it/flows/races/accounts.rs", "an_account_that_is_deleted_many_times_at_once_is_deleted_once"),
    (105, "tests/it/oidc/races.rs", "fifty_refreshes_of_a_token_at_two_nodes_leave_one_family_line"),
    (106, "tests/it/oidc/refresh.rs", "a_successor_replaces_the_token_and_the_one_before_gets_it_again_for_a_moment"),
    (106, "tests/shake/refresh.rs", "whoever_lost_the_answer_to_a_refresh_in_a_crash_gets_the_same_successor"),
    (106, "tests/shake/refresh.rs", "without_a_window_a_crash_costs_the_tokens_and_nobody_is_signed_out"),
    (107, "tests/it/oidc/device.rs", "the_first_who_opens_a_code_is_the_only_one_to_decide"),
    (108, "tests/it/oidc/device.rs", "whoever_is_signed_out_meanwhile_lets_nobody_in"),
    (109, "tests/it/flows/races/links.rs", "of_two_changes_of_address_proved_at_once_one_counts"),
    // There is no link to take a change back: a proved address has to agree first, and every old address is told.
    (110, "tests/it/better_auth/change_email.rs", "a_proved_address_agrees_first_and_stays_proved"),
    (110, "tests/it/better_auth/change_email.rs", "an_unproved_address_is_changed_by_the_link_to_the_new_one"),
    (110, "tests/it/flows/what_ends_sessions.rs", "a_changed_address_ends_the_others"),
    (115, "tests/it/base_service/caller.rs", "an_anchor_that_cannot_say_who_is_calling_is_an_outage_and_never_nobody"),
    (115, "tests/it/flows/limits.rs", "while_the_database_does_not_answer_nothing_passes_uncounted"),
    (116, "tests/it/base_service/provision.rs", "a_hook_that_panics_or_hangs_refuses_and_does_not_block_the_next_call"),
    (116, "tests/it/base_service/provision.rs", "a_failing_hook_refuses_and_is_tried_again"),
    (117, "tests/it/oidc/logout.rs", "a_hint_of_another_session_or_user_is_no_reason_not_to_ask"),
    (117, "tests/it/pages/logout.rs", "another_site_cannot_sign_anybody_out"),
    (118, "tests/it/pages/login.rs", "a_session_that_is_not_remembered_ends_with_the_browser"),
    (119, "tests/it/oidc/consent.rs", "consent_to_a_client_that_anybody_could_pretend_to_be_is_asked_for_every_time"),
    (120, "tests/it/oidc/authorize.rs", "whatever_else_is_wrong_the_client_hears_with_its_state_and_the_issuer"),
    (120, "tests/it/oidc/endpoint.rs", "grant_types_that_are_unknown_or_not_the_clients_are_refused"),
    (126, "identity-server/src/mailbox.rs", "it_answers_this_machine_only"),
    (126, "identity-server/src/config/tests.rs", "a_public_listener_with_a_loopback_url_is_an_exposure"),
    (127, "identity-server/src/app.rs", "a_panic_is_a_bland_500_in_the_dialect_of_its_part"),
    (
        127,
        "tests/it/base_service/layers.rs",
        "security_headers_stand_on_every_response_and_a_page_may_bring_its_own_policy",
    ),
    (128, "tests/it/flows/at_rest.rs", "a_dump_of_the_database_contains_no_secret_in_any_form"),
    (128, "tests/it/flows/at_rest.rs", "nothing_in_a_dump_of_the_database_opens_anything"),
    (128, "tests/it/flows/at_rest.rs", "sealed_mail_cannot_be_moved_to_another_row_or_opened_with_another_secret"),
];

/// The tests that show each case, here and elsewhere.
fn shown() -> BTreeMap<u32, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut shown: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (case, file, test) in ELSEWHERE {
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{file} has no {test} for case {case}");
        shown.entry(*case).or_default().insert((*test).to_owned());
    }
    for entry in fs::read_dir(root.join("tests/it/security")).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (number, line) in source.lines().enumerate() {
            let case = line.strip_prefix("/// Case ").and_then(|rest| rest.split(':').next()?.parse().ok());
            let test = source.lines().skip(number).find_map(|line| line.split("fn ").nth(1)?.split('(').next());
            if let (Some(case), Some(test)) = (case, test) {
                shown.entry(case).or_default().insert(test.to_owned());
            }
        }
    }
    shown
}

#[test]
fn every_case_is_shown_by_a_test_that_is_there() {
    assert_eq!(shown().into_keys().collect::<BTreeSet<_>>(), BTreeSet::from(CASES));
}

#[test]
fn the_book_says_what_each_case_is_and_which_tests_show_it() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/security/attacks.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| match line.trim_matches('|').split(" | ").collect::<Vec<_>>()[..] {
        [case, _, tests] => {
            Some((case.trim().parse().ok()?, tests.split('`').skip(1).step_by(2).map(str::to_owned).collect()))
        }
        _ => None,
    });
    let written: BTreeMap<u32, BTreeSet<String>> = rows.collect();
    for (case, tests) in shown() {
        assert_eq!(written.get(&case), Some(&tests), "the row of case {case} in book/src/security/attacks.md");
    }
    assert_eq!(written.len(), CASES.len(), "a case that no test shows");
}
