//! A folder of PEM files: every chain in it, paired with its key by content.
//!
//! File names do not matter, so `example.org.crt` beside `example.org.key`, `fullchain.pem`
//! beside `privkey.pem` in a folder per host, and Let's Encrypt's `live/` work alike: a chain
//! belongs to the private key whose public half is in its first certificate. A key is looked for
//! in the chain's own folder only.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SigningKey},
};
use thiserror::Error;

use super::der::Certificate;
use crate::limits::{CERTIFICATE_FILES_MAX, CERTIFICATE_FOLDER_DEPTH_MAX, PEM_BYTES_MAX};

/// Why a certificate folder cannot be used. Each sentence names the file and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file or folder could not be read.
    #[error(
        "cannot read the certificate file {}: {error}; make it readable for the user that runs couplet",
        .path.display()
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The folder is missing.
    #[error("the certificate folder {} does not exist; create it or correct `certificates`", .path.display())]
    NoFolder {
        /// Which.
        path: PathBuf,
    },
    /// A file has PEM armour, but what is inside is broken.
    #[error("{} is not a valid PEM file: {reason}; replace or remove it", .path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder holds far more files than certificates.
    #[error("{} holds more than {limit} files; point `certificates` at a folder of its own", .path.display())]
    TooManyFiles {
        /// Which.
        path: PathBuf,
        /// The limit met.
        limit: usize,
    },
}

/// A certificate chain with its key, ready to serve.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What is in the first certificate.
    pub leaf: Certificate,
    /// Where the chain was read.
    pub path: PathBuf,
    /// Where its private key was read.
    pub key_path: PathBuf,
    pub(crate) key: Arc<CertifiedKey>,
}

impl Identity {
    /// Reads one chain and its key from two files (or the same file twice).
    ///
    /// # Errors
    ///
    /// [`CertificateError`] when a file cannot be read or the two do not belong together.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let chain_file = PemFile::read(chain)?;
        let key_file = PemFile::read(key)?;
        for key in &key_file.keys {
            if let Some(identity) = chain_file.identity(key, &key_file.path)? {
                return Ok(identity);
            }
        }
        Err(CertificateError::Broken {
            path: key.to_owned(),
            reason: format!(
                "it holds no private key for the certificate in {}",
                chain.display()
            ),
        })
    }

    /// The first certificate, in DER.
    pub(crate) fn leaf_der(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |der| der.as_ref())
    }

    /// How many certificates the chain holds.
    pub(crate) fn chain_len(&self) -> usize {
        self.key.cert.len()
    }
}

/// Reads every identity below `folder`, in the order of their paths. A chain without a key
/// (`chain.pem`, a CA file) is no identity and is passed over.
///
/// # Errors
///
/// [`CertificateError`] when the folder or a PEM file in it cannot be read.
pub fn read_folder(folder: &Path) -> Result<Vec<Identity>, CertificateError> {
    let mut identities = Vec::new();
    for files in pem_files(folder)?.into_values() {
        let files = files
            .iter()
            .map(|path| PemFile::read(path))
            .collect::<Result<Vec<_>, _>>()?;
        let keys_of = |file: &'_ PemFile| -> Vec<_> {
            let keys = file.keys.iter().cloned();
            keys.map(|key| (key, file.path.clone())).collect()
        };
        let keys: Vec<_> = files.iter().flat_map(keys_of).collect();
        for file in &files {
            for (key, path) in &keys {
                if let Some(identity) = file.identity(key, path)? {
                    identities.push(identity);
                    break;
                }
            }
        }
    }
    Ok(identities)
}

/// The PEM files below `folder`, by the folder they are in; sorted.
pub(super) fn pem_files(
    folder: &Path,
) -> Result<BTreeMap<PathBuf, Vec<PathBuf>>, CertificateError> {
    if !folder.is_dir() {
        return Err(CertificateError::NoFolder {
            path: folder.to_owned(),
        });
    }
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    let mut pending = vec![(folder.to_owned(), 0)];
    let mut count = 0;
    while let Some((folder, depth)) = pending.pop() {
        let unreadable = |error| CertificateError::Unreadable {
            path: folder.clone(),
            error,
        };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            count += 1;
            if count > CERTIFICATE_FILES_MAX {
                return Err(CertificateError::TooManyFiles {
                    path: folder,
                    limit: CERTIFICATE_FILES_MAX,
                });
            }
            if path.is_dir() {
                if depth < CERTIFICATE_FOLDER_DEPTH_MAX {
                    pending.push((path, depth + 1));
                }
            } else if is_pem_name(&path) {
                found.entry(folder.clone()).or_default().push(path);
            }
        }
    }
    found.values_mut().for_each(|files| files.sort());
    Ok(found)
}

fn is_pem_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden
        && path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| ["pem", "crt", "cer", "key"].contains(&extension))
}

/// What one PEM file holds.
struct PemFile {
    path: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    keys: Vec<Arc<dyn SigningKey>>,
}

impl PemFile {
    fn read(path: &Path) -> Result<Self, CertificateError> {
        let unreadable = |error| CertificateError::Unreadable {
            path: path.to_owned(),
            error,
        };
        let broken = |reason| CertificateError::Broken {
            path: path.to_owned(),
            reason,
        };
        if fs::metadata(path).map_err(unreadable)?.len() > PEM_BYTES_MAX {
            return Err(broken(format!("it is larger than {PEM_BYTES_MAX} bytes")));
        }
        let text = fs::read(path).map_err(unreadable)?;
        let chain = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| broken(error.to_string()))?;
        let mut keys = Vec::new();
        for key in PrivateKeyDer::pem_slice_iter(&text) {
            let key = key.map_err(|error: pem::Error| broken(error.to_string()))?;
            keys.push(any_supported_type(&key).map_err(|_| {
                broken("its private key is of a kind that is not supported (RSA, P-256, P-384 and Ed25519 are)".to_owned())
            })?);
        }
        Ok(Self {
            path: path.to_owned(),
            chain,
            keys,
        })
    }

    /// The identity this file's chain makes with `key`, if they belong together.
    fn identity(
        &self,
        key: &Arc<dyn SigningKey>,
        key_path: &Path,
    ) -> Result<Option<Identity>, CertificateError> {
        let Some(first) = self.chain.first() else {
            return Ok(None);
        };
        let certified = CertifiedKey::new(self.chain.clone(), Arc::clone(key));
        if certified.keys_match().is_err() {
            return Ok(None);
        }
        let leaf = Certificate::parse(first).map_err(|error| CertificateError::Broken {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        Ok(Some(Identity {
            leaf,
            path: self.path.clone(),
            key_path: key_path.to_owned(),
            key: Arc::new(certified),
        }))
    }
}
