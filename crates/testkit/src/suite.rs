//! Turns a list of cases into their names and into a macro that makes tests.

/// Declares the suite of a port: the names of its cases, and a macro that makes a test of each.
///
/// The caller passes `$`, because a macro cannot otherwise write it into the macro that it defines.
macro_rules! suite {
    ($d:tt $suite:ident of $port:ident: $($case:ident),+ $(,)?) => {
        /// The name of every case, in the order of the port's documentation.
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        #[doc = concat!(
            "Makes a module `", stringify!($port), "` with one test for each case. Takes an expression for a new ",
            "harness, which may contain `.await`."
        )]
        #[macro_export]
        macro_rules! $suite {
            ($d harness:expr) => {
                mod $port {
                    #[allow(unused_imports, reason = "the expression may contain full paths")]
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
            // In one test, for what is too expensive to start for each case: each harness is made from
            // `shared`. The last case may make it unusable.
            ($d shared:expr, |$d name:ident| $d harness:expr) => {
                mod $port {
                    #[allow(unused_imports, reason = "the expression may contain full paths")]
                    use super::*;

                    #[$crate::tokio::test(flavor = "multi_thread", crate = "::testkit::tokio")]
                    async fn every_case() {
                        let shared = $d shared;
                        $(
                            eprintln!("{}", stringify!($case));
                            let $d name = &shared;
                            let harness = $d harness;
                            $crate::$port::$case(&harness).await;
                        )+
                    }
                }
            };
        }
    };
}
