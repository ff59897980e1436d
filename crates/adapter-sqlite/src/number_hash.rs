//! The keyed hashes under which erased numbers stay suppressed.

use domain::ports::PortUnavailable;
use domain::{ContactId, PhoneNumber};
use sha2::{Digest, Sha256};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, within};

/// The block size of SHA-256 in bytes.
const BLOCK: usize = 64;

/// The HMAC-SHA256 of a number (RFC 2104), with the key of the file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NumberHash([u8; 32]);

impl NumberHash {
    /// Of a number in E.164. The key is not longer than a block.
    fn of(key: &[u8], e164: &str) -> Self {
        let block = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(key).for_each(|(padded, byte)| *padded ^= byte);
            block
        };
        let inner = Sha256::new().chain_update(block(0x36)).chain_update(e164).finalize();
        Self(Sha256::new().chain_update(block(0x5c)).chain_update(inner).finalize().into())
    }

    pub(crate) const fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl SqliteStore {
    pub(crate) async fn number_hash(&self, number: &PhoneNumber) -> Result<NumberHash, PortUnavailable> {
        self.number_hash_of(number.as_e164()).await
    }

    pub(crate) async fn number_hash_of(&self, e164: &str) -> Result<NumberHash, PortUnavailable> {
        let key = self.number_hash_key.get_or_try_init(|| {
            within(STORAGE_LIMIT, async {
                let mut reader = self.connections.read().await?;
                let key = sqlx::query_scalar!("select key from number_hash_key where id = 1");
                let key = key.fetch_optional(&mut *reader).await.map_err(unavailable)?;
                key.ok_or_else(|| failed("the key of the hashes of erased numbers is not stored"))
            })
        });
        Ok(NumberHash::of(key.await?, e164))
    }

    /// The hash of the number that a contact has now.
    pub(crate) async fn number_hash_of_contact(
        &self,
        id: &ContactId,
    ) -> Result<Option<NumberHash>, PortUnavailable> {
        let number = within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let number = sqlx::query_scalar!("select phone_number from contacts where id = ?", id.as_str());
            number.fetch_optional(&mut *reader).await.map_err(unavailable)
        });
        match number.await?.flatten() {
            Some(number) => self.number_hash_of(&number).await.map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn the_hash_is_hmac_sha256() {
        let hash = NumberHash::of(b"Jefe", "what do ya want for nothing?");
        let hex: String = hash.as_slice().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
