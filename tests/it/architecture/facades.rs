//! The same for what stands on the core.

use super::layers::Layered;

const FACADES: Layered = Layered {
    source: "identity-axum/src",
    layers: &[
        &["credentials", "problem", "resource"],
        &["cookie", "middleware"],
        &["auth"],
        &["extract", "provision"],
        &["facade", "guard", "oidc"],
        &["better_auth", "pages"],
        &["device_sessions", "testing"],
    ],
    heading: "## Layers inside the facades",
};

#[test]
fn every_module_of_the_facades_has_a_layer() {
    FACADES.knows_every_module();
}

#[test]
fn the_page_on_architecture_shows_the_layers_of_the_facades() {
    FACADES.is_what_the_page_shows();
}

#[test]
fn modules_of_the_facades_name_no_higher_layer() {
    FACADES.names_no_higher_layer(|_| None);
}

#[test]
fn facades_of_one_layer_form_no_cycle() {
    FACADES.has_no_cycle();
}
