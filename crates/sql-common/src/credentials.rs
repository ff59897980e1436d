//! The accounts of organizations at the vendors. Every secret in their document is sealed.

use std::collections::BTreeMap;

use domain::ports::CredentialsChange;
use domain::{AccountText, SealedSecret, SecretKind, StoredCredentials, VendorCredentials};
use serde::{Deserialize, Serialize};

use crate::{Columns, Table, Unreadable};

const CREDENTIALS: Table = Table("vendor_credentials");

/// The column `vendor_credentials.document`. A release that does not know one of its fields must not
/// write the row again without it, so that it does not read it either.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    voice_provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_trunk_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_trunk_domain: Option<String>,
    secrets: BTreeMap<String, String>,
}

/// Writes the column `vendor_credentials.document`. Equal credentials have equal texts.
pub fn write_credentials(credentials: &VendorCredentials) -> String {
    let text = |text: &Option<AccountText>| text.as_ref().map(|text| text.as_str().to_owned());
    let secrets = credentials.secrets.iter();
    let document = Document {
        voice_provider: text(&credentials.voice_provider),
        carrier_project_id: text(&credentials.carrier_project_id),
        carrier_trunk_id: text(&credentials.carrier_trunk_id),
        carrier_trunk_domain: text(&credentials.carrier_trunk_domain),
        secrets: secrets
            .map(|(kind, sealed)| (kind.as_str().to_owned(), sealed.as_str().to_owned()))
            .collect(),
    };
    serde_json::to_string(&document).expect("texts always serialize to JSON")
}

/// The names of what a change sets or clears, as a JSON array.
pub fn changed_names(change: &CredentialsChange) -> String {
    serde_json::to_string(&change.changed).expect("texts always serialize to JSON")
}

fn read_document(stored: &str) -> Option<VendorCredentials> {
    let document: Document = serde_json::from_str(stored).ok()?;
    let text = |text: Option<String>| text.map(|text| AccountText::parse(&text)).transpose().ok();
    let secret =
        |(name, sealed): (String, String)| Some((SecretKind::from_name(&name)?, SealedSecret::new(&sealed)));
    Some(VendorCredentials {
        voice_provider: text(document.voice_provider)?,
        carrier_project_id: text(document.carrier_project_id)?,
        carrier_trunk_id: text(document.carrier_trunk_id)?,
        carrier_trunk_domain: text(document.carrier_trunk_domain)?,
        secrets: document.secrets.into_iter().map(secret).collect::<Option<_>>()?,
    })
}

/// Stored credentials.
pub struct CredentialsColumns {
    pub organization_id: String,
    pub document: String,
    pub revision: i64,
}

impl Columns for CredentialsColumns {
    type Value = StoredCredentials;

    /// A document that cannot be read is no error: the other organizations' must be read, and this
    /// organization must not look like one that stored nothing.
    fn read(self) -> Result<StoredCredentials, Unreadable> {
        Ok(StoredCredentials {
            organization_id: CREDENTIALS.read("organization_id", self.organization_id)?,
            credentials: read_document(&self.document),
            revision: CREDENTIALS.read_number("revision", self.revision)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_another_release_is_not_taken_for_an_empty_one() {
        for document in [
            "",
            "{}",
            "[]",
            r#"{"secrets":{"anotherKind":"x"}}"#,
            r#"{"secrets":{},"another":"x"}"#,
            r#"{"secrets":{},"voiceProvider":""}"#,
        ] {
            let columns = CredentialsColumns {
                organization_id: "o1".to_owned(),
                document: document.to_owned(),
                revision: 1,
            };
            let stored = columns.read().expect("the row is readable");
            assert_eq!(stored.credentials, None, "{document}");
        }
    }
}
