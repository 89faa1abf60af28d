//! A holder's key and its request, as the authority reads them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::request::proved_key;

#[test]
fn the_request_proves_the_key_and_the_key_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let key = HolderKey::generate().unwrap();
    let proved = proved_key(&key.request().unwrap()).unwrap();
    assert_eq!(key.identity(), format!("KEY:{}", proved.sha256));
    write(&path, key.to_pem().unwrap().as_bytes()).unwrap();
    set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert_eq!(HolderKey::read(&path).unwrap_err(), PkiError::SecretTooOpen(path.clone()));
    set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(HolderKey::read(&path).unwrap().identity(), key.identity());
    assert_eq!(format!("{key:?}"), "HolderKey(…)");
}
