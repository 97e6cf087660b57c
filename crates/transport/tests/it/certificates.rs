//! Certificate folders: what is found, what is matched, what is refused.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use rcgen::{CertificateParams, KeyPair};
use transport::certificate::{CertificateSet, Identity, Watch, read_folder};

/// A chain and its key in PEM, valid until the first day of `year`.
fn make(names: &[&str], year: i32) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn set(folder: &Path) -> CertificateSet {
    CertificateSet::new(read_folder(folder).unwrap(), BTreeMap::new(), &[])
}

#[track_caller]
fn check(set: &CertificateSet, host: &str, file: Option<&str>) {
    let found = set
        .find(host)
        .map(|identity| identity.path.display().to_string());
    match (found, file) {
        (Some(found), Some(file)) => assert!(found.ends_with(file), "{host}: {found}"),
        (found, file) => assert_eq!(found.as_deref(), file, "{host}"),
    }
}

#[test]
fn names_inside_decide_whatever_the_files_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // NAME.crt beside NAME.key.
    for name in ["one.example", "two.example"] {
        let (chain, key) = make(&[name], 2090);
        fs::write(at(&format!("{name}.crt")), chain).unwrap();
        fs::write(at(&format!("{name}.key")), key).unwrap();
    }
    // A folder per host, names that say nothing.
    fs::create_dir(at("some-host")).unwrap();
    let (chain, key) = make(&["three.example", "*.three.example"], 2090);
    fs::write(at("some-host/fullchain.pem"), chain).unwrap();
    fs::write(at("some-host/privkey.pem"), key).unwrap();
    // Everything in one file, and files that are something else.
    let (chain, key) = make(&["four.example"], 2090);
    fs::write(at("all.pem"), chain + &key).unwrap();
    fs::write(at("README"), "not a certificate").unwrap();
    fs::write(at("stray.key"), make(&["x"], 2090).1).unwrap();

    let set = set(folder.path());
    check(&set, "one.example", Some("/one.example.crt"));
    check(&set, "TWO.example", Some("/two.example.crt"));
    check(&set, "three.example", Some("/some-host/fullchain.pem"));
    check(
        &set,
        "conference.three.example",
        Some("/some-host/fullchain.pem"),
    );
    check(&set, "a.b.three.example", None);
    check(&set, "four.example", Some("/all.pem"));
    check(&set, "x", None);
}

#[test]
fn lets_encrypts_layout_works_and_the_full_chain_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("archive")).unwrap();
    fs::create_dir_all(at("live/example.org")).unwrap();
    let (leaf, key) = make(&["example.org"], 2090);
    let (authority, _) = make(&["authority"], 2090);
    for (name, pem) in [
        ("cert", &leaf),
        ("chain", &authority),
        ("fullchain", &format!("{leaf}{authority}")),
        ("privkey", &key),
    ] {
        fs::write(at(&format!("archive/{name}1.pem")), pem).unwrap();
        symlink(
            format!("../../archive/{name}1.pem"),
            at(&format!("live/example.org/{name}.pem")),
        )
        .unwrap();
    }
    let set = set(&at("live"));
    check(&set, "example.org", Some("/fullchain.pem"));
    check(&set, "authority", None);
}

#[test]
fn of_two_certificates_for_a_host_the_longer_valid_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    for (file, year) in [("a.pem", 2050), ("b.pem", 2060), ("c.pem", 2040)] {
        let (chain, key) = make(&["example.org"], year);
        fs::write(folder.path().join(file), chain + &key).unwrap();
    }
    check(&set(folder.path()), "example.org", Some("/b.pem"));
}

#[test]
fn a_self_made_certificate_serves_only_a_host_without_another() {
    let folder = tempfile::tempdir().unwrap();
    let own = tempfile::tempdir().unwrap();
    let (chain, key) = make(&["one.example"], 2050);
    fs::write(folder.path().join("real.pem"), chain + &key).unwrap();
    let path = own.path().join("own");
    let (chain, key) = make(&["one.example", "two.example"], 2090);
    fs::write(&path, chain + &key).unwrap();
    let own = Identity::read(&path, &path).unwrap();
    let set = CertificateSet::new(
        read_folder(folder.path()).unwrap(),
        BTreeMap::from([
            ("one.example".into(), own.clone()),
            ("two.example".into(), own),
        ]),
        &[],
    );
    check(&set, "one.example", Some("/real.pem"));
    check(&set, "two.example", Some("/own"));
}

#[test]
fn what_cannot_be_used_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let error = |path: &Path| read_folder(path).unwrap_err().to_string();

    let missing = at("nowhere");
    assert_eq!(
        error(&missing),
        format!(
            "the certificate folder {} does not exist; create it or correct `certificates`",
            missing.display()
        )
    );
    let broken = at("broken.pem");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    let said = error(folder.path());
    assert!(
        said.starts_with(&format!("{} is not a valid PEM file: ", broken.display())),
        "{said}"
    );
    assert!(said.ends_with("; replace or remove it"), "{said}");
    fs::remove_file(&broken).unwrap();

    let dangling = at("gone.pem");
    symlink("nowhere.pem", &dangling).unwrap();
    let said = error(folder.path());
    assert!(said.starts_with(&format!(
        "cannot read the certificate file {}",
        dangling.display()
    )));
}

#[test]
fn an_unreadable_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.pem");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads everything.
    if fs::read(&path).is_err() {
        let said = read_folder(folder.path()).unwrap_err().to_string();
        assert!(
            said.ends_with("make it readable for the user that runs couplet"),
            "{said}"
        );
    }
}

#[test]
fn a_watch_sees_files_come_change_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.pem");
    let mut watch = Watch::new(folder.path());
    assert!(!watch.changed());
    fs::write(&path, "a").unwrap();
    assert!(watch.changed());
    assert!(!watch.changed());
    fs::write(&path, "ab").unwrap();
    assert!(watch.changed());
    fs::remove_file(&path).unwrap();
    assert!(watch.changed());
    assert!(!watch.changed());
}
