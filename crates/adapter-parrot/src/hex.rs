pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |char: char| u8::try_from(char.to_digit(16)?).ok();
    let digits: Vec<u8> = text.chars().map(digit).collect::<Option<_>>()?;
    let is_whole = digits.len().is_multiple_of(2);
    is_whole.then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
