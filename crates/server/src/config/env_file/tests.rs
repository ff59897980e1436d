use super::*;

fn one(line: &str) -> Result<String, &'static str> {
    match read(line) {
        Ok(mut values) => Ok(values.remove("NAME").expect("the line has this name")),
        Err(fault) => Err(fault.problem),
    }
}

#[test]
fn a_value_is_what_is_written() {
    for (line, value) in [
        ("NAME=a$tail99", "a$tail99"),
        ("NAME=a${OTHER}b$$", "a${OTHER}b$$"),
        ("NAME='a$b'", "a$b"),
        ("NAME=\"a$b\"", "a$b"),
        ("NAME=a\\nb", "a\\nb"),
        ("NAME='a\\nb\\'", "a\\nb\\"),
        ("NAME=a=b==", "a=b=="),
        ("NAME=a'b\"c", "a'b\"c"),
        ("NAME=a#b", "a#b"),
        ("NAME=a # comment", "a"),
        ("NAME=a\t# comment", "a"),
        ("NAME=#comment", ""),
        ("NAME= # comment", ""),
        ("NAME='a # b'", "a # b"),
        ("NAME='a' # comment", "a"),
        ("NAME=' a '", " a "),
        ("NAME=\"it's\"", "it's"),
        ("NAME=", ""),
        ("NAME=''", ""),
        ("export NAME=a", "a"),
        ("  NAME = a b \r", "a b"),
    ] {
        assert_eq!(one(line).as_deref(), Ok(value), "{line}");
    }
}

#[test]
fn a_line_that_programs_read_differently_is_refused() {
    for (line, problem) in [
        ("NAME", "it is not NAME=value"),
        ("=a", "it is not NAME=value"),
        ("NA ME=a", "it is not NAME=value"),
        ("NAME: a=b", "it is not NAME=value"),
        ("NAME='a", "its quote has no end"),
        ("NAME=\"a", "its quote has no end"),
        ("NAME='a'b", "something follows the quotes"),
        ("NAME='a' 'b'", "something follows the quotes"),
        (
            "NAME=\"a\\nb\"",
            "it has a backslash in double quotes: use single quotes, which all programs read alike",
        ),
        ("NAME=a\nNAME=a", "its name has a value already"),
    ] {
        assert_eq!(one(line), Err(problem), "{line}");
    }
}

#[test]
fn a_fault_has_its_line_and_quotes_nothing() {
    let fault = read("# comment\r\n\r\nA=1\r\nhunter2\r\n").expect_err("a line without a name");
    assert_eq!(fault.to_string(), "has a mistake in line 4: it is not NAME=value");
}
