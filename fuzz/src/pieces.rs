//! A stream in pieces, as it may come from a socket: [`cut`].

/// The stream in pieces of as many bytes as `lens` say, in turn and over again. A piece of none means that nothing new has arrived; if
/// all are of none, the stream comes whole.
pub fn cut<'a>(stream: &'a [u8], lens: &[u8]) -> Vec<&'a [u8]> {
    cut_into_units(stream, lens, 1)
}

/// The same for a long stream, where `lens` count units of so many bytes.
pub fn cut_into_units<'a>(mut stream: &'a [u8], lens: &[u8], unit: usize) -> Vec<&'a [u8]> {
    if lens.iter().all(|len| *len == 0) {
        return vec![stream];
    }
    let mut pieces = Vec::new();
    for len in lens.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let (piece, rest) = stream.split_at((usize::from(*len) * unit).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}
