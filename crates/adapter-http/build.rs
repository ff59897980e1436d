//! Unpacks the files of Swagger UI that our page loads. The archive has each bundle in three more
//! forms, which would more than double the size of the binary's documentation.

use std::env::var_os;
use std::error::Error;
use std::fs::File;
use std::io::{Cursor, copy};
use std::path::PathBuf;

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const LOADED: [&str; 5] =
    ["favicon-16x16.png", "favicon-32x32.png", "index.css", "swagger-ui-bundle.js", "swagger-ui.css"];

#[expect(clippy::disallowed_methods, reason = "cargo names the folder of a build script so")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = PathBuf::from(var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut missing = Vec::from(LOADED);
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        // The archive has one folder, with the version in its name, and `dist` in it.
        let path = file.name()?.into_owned();
        let is_loaded = |name: &&str| path.split('/').skip(1).eq(["dist", name]);
        if let Some(found) = missing.iter().position(is_loaded) {
            copy(&mut file, &mut File::create(folder.join(missing.swap_remove(found)))?)?;
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("the archive lacks {missing:?}").into()) }
}
