//! The query parameters `page_size` and `cursor`.

use std::collections::HashMap;

use actix_web::Error;

use super::errors;
use crate::responses::refusal;

pub(crate) type Query = actix_web::web::Query<HashMap<String, String>>;

pub(crate) struct Page {
    /// 1 to 100.
    pub(crate) size: usize,
    /// The `next_cursor` of the previous page.
    pub(crate) cursor: Option<u64>,
}

impl Page {
    /// Fails with the response to an invalid parameter.
    pub(crate) fn parse(query: &Query) -> Result<Page, Error> {
        let refuse = |code, message| Err(refusal(errors::detail(400, code, message)));
        let Ok(size @ 1..=100) = query.get("page_size").map_or(Ok(30), |size| size.parse()) else {
            return refuse("invalid_page_size", "The page size must be 1 to 100.");
        };
        match query.get("cursor").map(|cursor| u64::from_str_radix(cursor, 16)).transpose() {
            Ok(cursor) => Ok(Page { size, cursor }),
            Err(_) => refuse("invalid_cursor", "The cursor is not valid."),
        }
    }

    /// The cursor for this position.
    pub(crate) fn cursor_at(position: u64) -> String {
        format!("{position:016x}")
    }
}
