//! The conformance suite of the port with a folder and with a bucket, and tests for each of them.

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
