//! What the server makes for itself when nothing is configured: a folder and a secret in it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use identity_core::entropy::{OsEntropy, alphanumeric};
use identity_core::secret::Secret;

use crate::cli::Failure;
use crate::config::{DATA_FOLDER, Settings};
use crate::files;

/// The configured secret, or the one in the data folder, which is made on first use. Only for settings that were accepted.
///
/// Beside a database that stands elsewhere nothing is made unless the server itself asks: a command that was started in another folder
/// than the server would seal under a secret that the server does not have.
pub(crate) fn secret(settings: &Settings, maker: Maker) -> Result<Secret<String>, Failure> {
    let folder = Path::new(DATA_FOLDER);
    let may_make = settings.database.is_default() || matches!(maker, Maker::Server);
    match &settings.secrets.secret {
        Some(secret) => Ok(secret.clone()),
        None if !may_make && !folder.join("secret").exists() => Err(Failure::new(format!(
            "there is no secret in {}: start the command in the folder of the server, or set secrets.secret",
            folder.display()
        ))),
        None => generated(folder),
    }
}

/// Who asks for the secret.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker {
    Server,
    Command,
}

/// Makes the data folder if the database stands in it.
pub(crate) fn prepare_database(settings: &Settings) -> Result<(), Failure> {
    if settings.database.is_default() { folder(Path::new(DATA_FOLDER)) } else { Ok(()) }
}

fn folder(path: &Path) -> Result<(), Failure> {
    files::create_private_folder(path)
        .map_err(|error| Failure::new(format!("cannot create {}: {error}", path.display())))
}

fn generated(data: &Path) -> Result<Secret<String>, Failure> {
    folder(data)?;
    let path = data.join("secret");
    let fresh = Secret::new(alphanumeric(&OsEntropy, 64));
    match files::create_private(&path, fresh.expose(), &OsEntropy) {
        Ok(()) => Ok(fresh),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(&path);
            text.map(|text| Secret::from(text.trim())).map_err(|error| failure("read", &path, &error))
        }
        Err(error) => Err(failure("create", &path, &error)),
    }
}

fn failure(act: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {act} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    #[test]
    fn processes_that_start_at_once_agree_on_one_secret() {
        let data = std::env::temp_dir().join(format!("identity-data-{}", alphanumeric(&OsEntropy, 8)));
        let secrets: BTreeSet<String> = thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| generated(&data).unwrap().expose().clone())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert_eq!(secrets.len(), 1);
        assert_eq!(secrets.first().unwrap().len(), 64);
        fs::remove_dir_all(data).unwrap();
    }
}
