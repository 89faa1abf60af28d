//! The standard encrypted form of a private key: PKCS#8 with PBES2 (RFC 8018), PBKDF2-HMAC-SHA256
//! and AES-256-CBC, as `openssl pkey` reads and writes it. Other schemes are refused. The DER is
//! read by `pkcs8`, the cryptography is the house's one provider.

use std::num::NonZeroU32;
use std::path::Path;

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use pkcs8::der::EncodePem;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Pbkdf2Params, Pbkdf2Prf};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding};
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::passphrase::Passphrase;

/// PBKDF2 rounds of a new file (OWASP 2023 for HMAC-SHA256); some tenths of a second.
const ROUNDS: u32 = 600_000;
/// The most rounds a file may ask for: a minute, not a day.
const ROUNDS_MOST: u32 = 100_000_000;
const AES_256_KEY_LEN: usize = 32;

/// Encrypts PKCS#8 DER under a fresh salt and IV, as PEM.
pub(super) fn encrypt(
    mut plain: Zeroizing<Vec<u8>>,
    passphrase: &Passphrase,
) -> Result<Zeroizing<String>, PkiError> {
    let failed = || PkiError::Cryptography("encrypt the key");
    let mut salt = [0u8; 16];
    let mut iv = [0u8; 16];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| failed())?;
    aws_lc_rs::rand::fill(&mut iv).map_err(|_| failed())?;
    let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, iv)
        .map_err(|_| failed())?;
    let kdf = parameters.kdf.pbkdf2().ok_or_else(failed)?;
    let key = derive(kdf, passphrase.as_bytes()).ok_or_else(failed)?;
    let key = UnboundCipherKey::new(&AES_256, key.as_slice()).map_err(|_| failed())?;
    // Room for the padding: growing would leave a copy of the plain key behind.
    let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len() + 16));
    sealed.append(&mut plain);
    PaddedBlockEncryptingKey::cbc_pkcs7(key)
        .and_then(|key| {
            key.less_safe_encrypt(&mut *sealed, EncryptionContext::Iv128(FixedLength::from(iv)))
        })
        .map_err(|_| failed())?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: sealed.as_slice().try_into().map_err(|_| failed())?,
    };
    info.to_pem(LineEnding::LF).map(Zeroizing::new).map_err(|_| failed())
}

/// What came of a passphrase and somebody's encrypted key. It does not show itself.
pub enum Opened {
    /// The key, PKCS#8 DER.
    Key(Zeroizing<Vec<u8>>),
    /// The passphrase does not open it.
    WrongPassphrase,
    /// It is not encrypted in the one way that is known here.
    UnknownScheme,
}

/// Opens an EncryptedPrivateKeyInfo in DER, of PBES2 with PBKDF2, SHA-2 and AES-256-CBC.
pub fn open_encrypted(der: &[u8], passphrase: &[u8]) -> Opened {
    opened(der, passphrase).unwrap_or(Opened::UnknownScheme)
}

/// None where the scheme is not known.
fn opened(der: &[u8], passphrase: &[u8]) -> Option<Opened> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).ok()?;
    let parameters = info.encryption_algorithm.pbes2()?;
    let kdf = parameters.kdf.pbkdf2()?;
    let pbes2::EncryptionScheme::Aes256Cbc { iv } = parameters.encryption else { return None };
    let key = derive(kdf, passphrase)?;
    let key = UnboundCipherKey::new(&AES_256, key.as_slice()).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut opened = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let length = key.decrypt(&mut opened, DecryptionContext::Iv128(FixedLength::from(iv)));
    let Ok(length) = length.map(|plain| plain.len()) else { return Some(Opened::WrongPassphrase) };
    opened.truncate(length);
    // One wrong passphrase in 256 ends in good padding; what it gives is no PKCS#8.
    let is_key = pkcs8::PrivateKeyInfoRef::try_from(opened.as_slice()).is_ok();
    Some(if is_key { Opened::Key(opened) } else { Opened::WrongPassphrase })
}

/// Opens an EncryptedPrivateKeyInfo of ours; the answer is PKCS#8 DER.
pub(super) fn decrypt(
    der: &[u8],
    passphrase: &Passphrase,
    path: &Path,
) -> Result<Zeroizing<Vec<u8>>, PkiError> {
    match open_encrypted(der, passphrase.as_bytes()) {
        Opened::Key(key) => Ok(key),
        Opened::WrongPassphrase => Err(PkiError::WrongPassphrase(path.to_owned())),
        Opened::UnknownScheme => Err(PkiError::Malformed {
            path: path.to_owned(),
            expected: "encrypted with PBES2, PBKDF2 with SHA-2 and AES-256-CBC",
        }),
    }
}

fn derive(kdf: &Pbkdf2Params, passphrase: &[u8]) -> Option<Zeroizing<[u8; AES_256_KEY_LEN]>> {
    let algorithm = match kdf.prf {
        Pbkdf2Prf::HmacWithSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Pbkdf2Prf::HmacWithSha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Pbkdf2Prf::HmacWithSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    let rounds =
        NonZeroU32::new(kdf.iteration_count).filter(|rounds| rounds.get() <= ROUNDS_MOST)?;
    let mut key = Zeroizing::new([0u8; AES_256_KEY_LEN]);
    pbkdf2::derive(algorithm, rounds, kdf.salt.as_bytes(), passphrase, key.as_mut());
    Some(key)
}
