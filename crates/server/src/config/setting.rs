use super::kind::Kind;

/// What the name of the variable with a file has more than the name of its secret.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// One setting, without the type of its value.
pub struct Setting {
    pub name: &'static str,
    /// The text of the default value. Empty means that there is none.
    pub default: &'static str,
    /// What the setting does and which values it accepts, in lines of at most 100 characters.
    pub help: Vec<String>,
    /// Whether the value, or a part of it, is a secret.
    pub is_secret: bool,
    accepts: Box<dyn Fn(&str) -> bool>,
}

impl Setting {
    pub(super) fn new<T: 'static>(
        name: &'static str,
        default: &'static str,
        help: &[&str],
        kind: Kind<T>,
    ) -> Self {
        let Kind { expected, is_secret, parse } = kind;
        let values = format!("Value{}: {expected}.", if is_secret { " (secret)" } else { "" });
        let help = help.iter().map(|line| line.trim().to_owned()).chain([values]).collect();
        Self { name, default, help, is_secret, accepts: Box::new(move |value| parse(value).is_some()) }
    }

    /// Whether a variable with this name sets it: its own name, or of a secret, the name of its file.
    pub fn has_name(&self, name: &str) -> bool {
        match name.strip_suffix(FILE_SUFFIX) {
            Some(secret) if self.is_secret => name == self.name || secret == self.name,
            _ => name == self.name,
        }
    }

    /// Whether this value is within the bounds of the setting.
    pub fn accepts(&self, value: &str) -> bool {
        (self.accepts)(value)
    }
}

/// Declares groups of settings. A setting is its help and `field: type = VARIABLE, default, kind;`.
///
/// A group becomes a struct with a function `read`, a setting becomes a field of that struct and a
/// constant with the name of its variable, and the function `settings` returns all of them.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])*
        $vis:vis struct $group:ident {
            $($(#[doc = $help:literal])+ $field:ident: $type:ty = $variable:ident, $default:literal, $kind:expr;)+
        }
    )+) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone)]
            $vis struct $group {
                $($(#[doc = $help])+ $vis $field: $type,)+
            }

            impl $group {
                pub(super) fn read(reader: &mut Reader<'_>) -> Self {
                    Self { $($field: reader.value($variable, $default, $kind),)+ }
                }
            }

            $(pub(super) const $variable: &str = stringify!($variable);)+
        )+

        /// Every setting.
        pub fn settings() -> Vec<Setting> {
            vec![$($(Setting::new::<$type>($variable, $default, &[$($help),+], $kind),)+)+]
        }
    };
}
pub(super) use settings;
