//! From a list of cases to their names and to a macro that makes tests of them.

/// Declares the suite of a port: the names of its cases, and a macro that turns them into tests.
///
/// The `$` is handed in because a macro cannot otherwise write one into the macro that it makes.
macro_rules! suite {
    ($d:tt $suite:ident of $port:ident: $($case:ident),+ $(,)?) => {
        /// The name of every case, in the order of the port's documentation.
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        #[doc = concat!(
            "Makes a module `", stringify!($port), "` with one test for each promise of that port. Takes an expression ",
            "for a fresh harness; it may await."
        )]
        #[macro_export]
        macro_rules! $suite {
            ($d harness:expr) => {
                mod $port {
                    #[allow(unused_imports, reason = "a harness may be named by its full path")]
                    use super::*;

                    $(
                        #[$crate::tokio::test(flavor = "multi_thread", crate = "::testkit::tokio")]
                        async fn $case() {
                            let harness = $d harness;
                            $crate::$port::$case(&harness).await;
                        }
                    )+
                }
            };
        }
    };
}
