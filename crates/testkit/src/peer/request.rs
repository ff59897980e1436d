/// An HTTP request, as a [`Peer`](super::Peer) received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// For example `POST`.
    pub method: String,
    /// The path and the query, percent-encoded.
    pub target: String,
    /// The headers in their order, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The complete requests in the bytes of one connection, with bodies by their `content-length`.
    #[must_use]
    pub fn parse_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut requests = Vec::new();
        while let Some((request, rest)) = Self::parse(bytes) {
            requests.push(request);
            bytes = rest;
        }
        requests
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// A parameter of the query, as it was sent: percent-encoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, it)| it)
    }

    /// The first request, and the bytes after it.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let mut line = lines.next()?.split(' ');
        let (method, target) = (line.next()?.to_owned(), line.next()?.to_owned());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        };
        let headers: Vec<(String, String)> = lines.filter_map(header).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(Some(0), |(_, length)| length.parse().ok())?;
        let (body, rest) = bytes[end + 4..].split_at_checked(length)?;
        Some((Self { method, target, headers, body: body.to_vec() }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_complete_request_of_a_connection_is_read() {
        let bytes = b"POST /a?x=1&y=2 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\n\r\nGET /cut";
        let requests = Request::parse_all(bytes);
        assert_eq!(requests.len(), 2);
        assert_eq!(
            (requests[0].path(), requests[0].query("y"), &*requests[0].body),
            ("/a", Some("2"), &b"{}"[..])
        );
        assert_eq!((requests[1].method.as_str(), requests[1].query("y")), ("GET", None));
    }
}
