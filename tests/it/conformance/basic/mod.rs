//! The modules of oidcc-basic-certification-test-plan and oidcc-formpost-basic-certification-test-plan.

mod again;
mod claims;
mod codes;
mod objects;
mod requests;
