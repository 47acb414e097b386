use std::time::Duration;

use super::*;
use crate::entropy::OsEntropy;

const PASSWORD: &str = "correct horse battery staple";
/// Looks like the same text in two encodings: ligature, Roman numeral and a combining accent become plain letters.
const TYPED: &str = "\u{fb01}sh \u{2167} pa\u{308}ssword";
const NORMAL: &str = "fish VIII p\u{e4}ssword";

// Python: argon2.low_level.hash_secret(.., b"saltsaltsaltsalt", ..)
const ARGON2ID: &str = "$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$5dbHWx1oUFF0IkN9n4sJVwuCoS/3I9AR";
const ARGON2I: &str = "$argon2i$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$eXXDEogNwW2i/iZ1Xife2zB/bHEcK/Q+";
const ARGON2D: &str = "$argon2d$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$M+grkZVEuv15heOoKw5U/gQ0Otv9YMbB";
const ARGON2ID_V16: &str =
    "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Vmt0CrPdnua8O5IAkqihm+5n2s1qK+vxwosYXk5yZUk";
const ARGON2ID_TYPED: &str =
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Me5CKrkP56PKSbI/HalHg8TjlJ/1T2WJeDqEpOVOcos";
// Node: scryptSync(password.normalize("NFKC"), "00112233445566778899aabbccddeeff", 64, { N: 16384, r: 16, p: 1 })
const BETTER_AUTH: &str = "00112233445566778899aabbccddeeff:f5b22309b28fe412c82a4b2cab57498b8f8a42c849af16cb908974048f61c13933421858db3a8f111430bdc493c7cef90f61f904061c77206e3820a2e8b11bc2";
const BETTER_AUTH_TYPED: &str = "00112233445566778899aabbccddeeff:f03d5e87fea43fa19910669f528f018316e345f53ec560b0856ce7a1703f1cee53c6d45075b14700eb619c7ff7d54eed0a4b55d43de01e29be0ca3f54540a1af";
// Python: bcrypt.hashpw
const BCRYPT_2B: &str = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
const BCRYPT_2A: &str = "$2a$04$1bgslLEqLgHSpyBGBqDRbO5npJQugzxpXAbAIOx568xUzbhmTR/Km";
const BCRYPT_72_BYTES: &str = "$2b$04$abcdefghijklmnopqrstuucVPvHu.KnlYGqm0PhbnFwpglt80D3e.";
const BCRYPT_OF_A: &str = "$2b$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC";
// Python: hashlib.pbkdf2_hmac("sha256", .., b"saltsaltsaltsalt", 1000) and (.., b"seasalt2024", 1200)
const PBKDF2: &str = "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$31ltvuXrbs8POP2F4tw9851NSNQCQpm0sCwu2eEvId8";
const DJANGO: &str = "pbkdf2_sha256$1200$seasalt2024$HCnO9DJgu2pg2a3bh5rZMEJjrcH3eDsFaq55EKPqvCI=";
// Node: pbkdf2Sync(.., "saltsaltsaltsalt", 1500, 48, "sha256")
const PBKDF2_48: &str =
    "$pbkdf2-sha256$i=1500$c2FsdHNhbHRzYWx0c2FsdA$PBWFQ8F8MyOGSx9+HJiGu6JV1oQdDPiIXz2UwBhkyp8N6vWHmDAmIjNafPvyZ6T/";

fn cheap() -> PasswordOptions {
    PasswordOptions {
        argon2_memory: 8,
        argon2_iterations: 1,
        argon2_parallelism: 1,
        permits: Some(2),
        queue_wait: Duration::from_mins(1),
        ..PasswordOptions::default()
    }
}

fn hasher(options: &PasswordOptions) -> PasswordHasher {
    PasswordHasher::new(options, Arc::new(OsEntropy)).unwrap()
}

async fn verify(password: &str, stored: &str) -> Verified {
    hasher(&cheap()).verify(password, stored).await.unwrap()
}

const YES: Verified = Verified { matches: true, outdated: false };
const NO: Verified = Verified { matches: false, outdated: false };
const YES_BUT_OUTDATED: Verified = Verified { matches: true, outdated: true };
const NO_AND_OUTDATED: Verified = Verified { matches: false, outdated: true };

#[tokio::test]
async fn the_password_and_no_other_matches_its_hash() {
    let hasher = hasher(&cheap());
    let stored = hasher.hash(PASSWORD).await.unwrap();
    assert_eq!(hasher.verify(PASSWORD, &stored).await.unwrap(), YES);
    for other in ["", "Correct horse battery staple", "correct horse battery staple ", "correct horse battery staple\0"]
    {
        assert_eq!(hasher.verify(other, &stored).await.unwrap(), NO, "{other:?}");
    }
}

#[tokio::test]
async fn a_hash_is_argon2id_of_the_configured_cost_with_a_salt_of_its_own() {
    let hasher = hasher(&PasswordOptions::default());
    let stored = hasher.hash(PASSWORD).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert_ne!(stored, hasher.hash(PASSWORD).await.unwrap());
    assert_eq!(hasher.verify(PASSWORD, &stored).await.unwrap(), YES);
}

#[tokio::test]
async fn a_password_with_nuls_at_its_end_is_another_one_in_imported_hashes_too() {
    let django = "pbkdf2_sha256$1200$seasalt2024$HCnO9DJgu2pg2a3bh5rZMEJjrcH3eDsFaq55EKPqvCI=";
    let hasher = hasher(&cheap());
    assert!(hasher.verify(PASSWORD, django).await.unwrap().matches);
    for more in ["\0", "\0\0\0\0\0\0\0\0"] {
        assert!(!hasher.verify(&format!("{PASSWORD}{more}"), django).await.unwrap().matches);
    }
}

#[tokio::test]
async fn equal_looking_passwords_are_one() {
    let hasher = hasher(&cheap());
    let stored = hasher.hash(TYPED).await.unwrap();
    assert_eq!(hasher.verify(NORMAL, &stored).await.unwrap(), YES);
    assert_eq!(hasher.verify(TYPED, &stored).await.unwrap(), YES);
}

#[tokio::test]
async fn a_hash_of_other_parameters_matches_and_is_outdated() {
    let stored = hasher(&cheap()).hash(PASSWORD).await.unwrap();
    let changes = [
        PasswordOptions { argon2_memory: 16, ..cheap() },
        PasswordOptions { argon2_iterations: 2, ..cheap() },
        PasswordOptions { argon2_memory: 16, argon2_parallelism: 2, ..cheap() },
    ];
    for options in changes {
        assert_eq!(hasher(&options).verify(PASSWORD, &stored).await.unwrap(), YES_BUT_OUTDATED);
        assert_eq!(hasher(&options).verify("another", &stored).await.unwrap(), NO_AND_OUTDATED);
    }
}

#[tokio::test]
async fn imported_hashes_match_their_password_only_and_are_outdated() {
    let imported =
        [ARGON2ID, ARGON2I, ARGON2D, ARGON2ID_V16, BETTER_AUTH, BCRYPT_2B, BCRYPT_2A, PBKDF2, PBKDF2_48, DJANGO];
    for stored in imported {
        assert_eq!(verify(PASSWORD, stored).await, YES_BUT_OUTDATED, "{stored}");
        assert_eq!(verify("correct horse battery stapler", stored).await, NO_AND_OUTDATED, "{stored}");
    }
    assert_eq!(verify(PASSWORD, &BCRYPT_2B.replace("$2b$", "$2y$")).await, YES_BUT_OUTDATED);
}

#[tokio::test]
async fn imported_hashes_match_what_the_other_system_hashed() {
    assert_eq!(verify(TYPED, BETTER_AUTH_TYPED).await, YES_BUT_OUTDATED);
    assert_eq!(verify(NORMAL, BETTER_AUTH_TYPED).await, YES_BUT_OUTDATED);
    // This system did not normalise: only the very same typing matches.
    assert_eq!(verify(TYPED, ARGON2ID_TYPED).await, YES_BUT_OUTDATED);
    assert_eq!(verify(NORMAL, ARGON2ID_TYPED).await, NO_AND_OUTDATED);
}

#[tokio::test]
async fn bcrypt_ends_at_72_bytes_and_refuses_nul() {
    let full: String = "long-".repeat(20).chars().take(72).collect();
    assert_eq!(verify(&full, BCRYPT_72_BYTES).await, YES_BUT_OUTDATED);
    assert_eq!(verify(&format!("{full} and more"), BCRYPT_72_BYTES).await, YES_BUT_OUTDATED);
    assert_eq!(verify(&full[..71], BCRYPT_72_BYTES).await, NO_AND_OUTDATED);
    assert_eq!(verify("a", BCRYPT_OF_A).await, YES_BUT_OUTDATED);
    assert_eq!(verify("a\0a", BCRYPT_OF_A).await, NO_AND_OUTDATED);
}

#[tokio::test]
async fn a_stored_text_that_is_no_hash_matches_nothing() {
    let cut: String = BETTER_AUTH.chars().take(160).collect();
    let nonsense = [
        "",
        PASSWORD,
        "$",
        "$argon2id$",
        "$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA",
        "$scrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$31ltvuXrbs8POP2F4tw9851NSNQCQpm0sCwu2eEvId8",
        "$2x$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "$2b$04$\u{e4}bcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6C",
        "$2",
        "pbkdf2_sha256$0$seasalt2024$HCnO9DJgu2pg2a3bh5rZMEJjrcH3eDsFaq55EKPqvCI=",
        "pbkdf2_sha256$1200$seasalt2024$",
        "pbkdf2_sha256$1200$seasalt2024$HCnO9DJgu2pg2a3bh5rZMEJjrcH3eDsFaq55EKPqvCI=$",
        "$pbkdf2-sha256$i=1000,l=31$c2FsdHNhbHRzYWx0c2FsdA$31ltvuXrbs8POP2F4tw9851NSNQCQpm0sCwu2eEvId8",
        &cut,
        "00112233445566778899aabbccddeef:",
        ":",
    ];
    for stored in nonsense {
        assert_eq!(verify(PASSWORD, stored).await, NO_AND_OUTDATED, "{stored}");
    }
    assert!(!verify("", "").await.matches);
}

#[test]
fn an_import_cannot_ask_for_more_than_a_bounded_cost() {
    let own = Params::new(8, 1, 1, Some(HASH_BYTES)).unwrap();
    let costly = [
        ARGON2ID.replace("m=64", "m=4194304"),
        ARGON2ID.replace("t=2", "t=4000000000"),
        ARGON2ID.replace("m=64", "m=262144").replace("t=2", "t=5"),
        ARGON2ID.replace("m=64", "m=1024").replace("p=2", "p=65"),
        BCRYPT_2B.replace("$04$", "$15$"),
        BCRYPT_2B.replace("$04$", "$31$"),
        PBKDF2.replace("i=1000", "i=2000001"),
        PBKDF2_48.replace("i=1500", "i=1000001"),
        PBKDF2_48.replace("i=1500", "i=4294967295"),
        DJANGO.replace("$1200$", "$2000001$"),
        format!("pbkdf2_sha256$1$salt${}", "A".repeat(100_000)),
    ];
    for stored in costly {
        assert!(Stored::parse(&stored, &own).is_err(), "{}", &stored[..40]);
    }
    let accepted = [
        ARGON2ID.replace("m=64", "m=262144").replace("t=2", "t=4"),
        BCRYPT_2B.replace("$04$", "$14$"),
        PBKDF2.replace("i=1000", "i=2000000"),
        DJANGO.replace("$1200$", "$2000000$"),
    ];
    for stored in accepted {
        assert!(Stored::parse(&stored, &own).is_ok(), "{stored}");
    }
}

#[test]
fn our_own_parameters_are_accepted_however_large() {
    let own = Params::new(1024 * 1024, 3, 1, Some(HASH_BYTES)).unwrap();
    let stored = unguessable(&own, &OsEntropy).unwrap();
    assert!(Stored::parse(&stored, &own).unwrap().is_current(&own));
}

#[tokio::test]
async fn nobody_costs_what_somebody_costs() {
    let hasher = hasher(&cheap());
    let own = Params::new(8, 1, 1, Some(HASH_BYTES)).unwrap();
    assert!(Stored::parse(&hasher.nobody, &own).unwrap().is_current(&own));
    hasher.verify_nothing(PASSWORD).await.unwrap();
    assert_eq!(hasher.verify(PASSWORD, &hasher.nobody).await.unwrap(), NO);
}

#[test]
fn length_is_counted_in_utf_16_units_after_normalising() {
    let hasher = hasher(&PasswordOptions { min_length: 4, max_length: 6, ..cheap() });
    let code = |password: &str| hasher.check_length(password).map_err(|error| error.code());
    assert_eq!(code("abc"), Err(Code::PasswordTooShort));
    assert_eq!(code("abcd"), Ok(()));
    assert_eq!(code("abcdef"), Ok(()));
    assert_eq!(code("abcdefg"), Err(Code::PasswordTooLong));
    assert_eq!(code("\u{1f600}\u{1f600}"), Ok(()), "an emoji is two units");
    assert_eq!(code("\u{fb03}a"), Ok(()), "the ligature ffi is three letters");
    assert_eq!(code("a\u{308}a\u{308}"), Err(Code::PasswordTooShort), "a letter with its accent is one");
}

#[test]
fn parameters_that_argon2_refuses_are_named() {
    let problem =
        PasswordHasher::new(&PasswordOptions { argon2_memory: 1, ..cheap() }, Arc::new(OsEntropy)).unwrap_err();
    assert!(problem.contains("password.argon2_memory"), "{problem}");
}
