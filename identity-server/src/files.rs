//! Files that only their owner can read, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use identity_core::entropy::{Entropy, alphanumeric};

/// Creates a folder for its owner alone, unless it exists.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a file with this text for its owner alone.
///
/// # Errors
/// `AlreadyExists` if there is one; of several processes that try at once, exactly one succeeds, and no reader ever sees
/// half of the text.
pub(crate) fn create_private(path: &Path, text: &str, entropy: &dyn Entropy) -> io::Result<()> {
    let draft = write_draft(path, text, entropy)?;
    // A link, unlike a rename, fails when the name is taken.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked.and_then(|()| sync_folder(path))
}

/// Writes a file with this text for its owner alone, in place of any other.
pub(crate) fn replace_private(path: &Path, text: &str, entropy: &dyn Entropy) -> io::Result<()> {
    let draft = write_draft(path, text, entropy)?;
    if let Err(error) = fs::rename(&draft, path) {
        fs::remove_file(&draft)?;
        return Err(error);
    }
    sync_folder(path)
}

fn write_draft(path: &Path, text: &str, entropy: &dyn Entropy) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}", alphanumeric(entropy, 16)));
    let draft = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(draft)
}

/// Makes the new name survive a power failure.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;

    use identity_core::entropy::OsEntropy;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("identity-files-{name}-{}", alphanumeric(&OsEntropy, 8)));
        create_private_folder(&folder).unwrap();
        folder
    }

    #[test]
    fn files_and_folders_are_for_their_owner_alone() {
        let folder = scratch("modes");
        let path = folder.join("secret");
        create_private(&path, "text", &OsEntropy).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_existing_file_is_replaced_only_when_asked() {
        let folder = scratch("replace");
        let path = folder.join("secret");
        create_private(&path, "one", &OsEntropy).unwrap();
        assert_eq!(create_private(&path, "two", &OsEntropy).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        replace_private(&path, "two", &OsEntropy).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left behind");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn of_many_that_create_at_once_one_succeeds() {
        let folder = scratch("race");
        let path = folder.join("secret");
        let created = thread::scope(|scope| {
            let tries: Vec<_> = (0..16)
                .map(|number| {
                    scope.spawn({
                        let path = &path;
                        move || create_private(path, &number.to_string(), &OsEntropy).is_ok()
                    })
                })
                .collect();
            tries.into_iter().filter(|_| true).map(|thread| thread.join().unwrap()).filter(|created| *created).count()
        });
        assert_eq!(created, 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
