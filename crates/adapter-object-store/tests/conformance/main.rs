//! The port's promises by a folder and by a bucket, and what is particular to each.

mod bucket;
mod folder;
mod s3_server;

use bucket::BucketHarness;
use folder::FolderHarness;

mod in_a_folder {
    use super::FolderHarness;

    testkit::recording_store_suite!(FolderHarness::new());
}

mod in_a_bucket {
    use super::BucketHarness;

    testkit::recording_store_suite!(BucketHarness::new().await);
}
