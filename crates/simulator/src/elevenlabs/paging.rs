//! `page_size` and `cursor`.

use crate::elevenlabs::errors;
use actix_web::Error;
use std::collections::HashMap;

/// A query string, by name.
pub(crate) type Query = actix_web::web::Query<HashMap<String, String>>;

/// One page of a list.
pub(crate) struct Page {
    /// 1 to 100.
    pub(crate) size: usize,
    /// What the last page handed out.
    pub(crate) cursor: Option<u64>,
}

impl Page {
    /// Reads the two parameters; the answer to give where they are wrong.
    pub(crate) fn parse(query: &Query) -> Result<Page, Error> {
        let size = query.get("page_size").map_or(Ok(30), |size| size.parse());
        let Ok(size @ 1..=100) = size else {
            let response = errors::detail(400, "invalid_page_size", "The page size goes from 1 to 100.");
            return Err(errors::refusal(response));
        };
        match query.get("cursor").map(|cursor| u64::from_str_radix(cursor, 16)).transpose() {
            Ok(cursor) => Ok(Page { size, cursor }),
            Err(_) => {
                let response = errors::detail(400, "invalid_cursor", "The cursor is not valid.");
                Err(errors::refusal(response))
            }
        }
    }

    /// How a position is written as a cursor.
    pub(crate) fn cursor_at(position: u64) -> String {
        format!("{position:016x}")
    }
}
