import Testing

@testable import WebClient

@Suite struct `The status of an answer` {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\n", 200), ("HTTP/1.0 204\r\n", 204), ("HTTP/1.1 503 Not now\n", 503),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Taken\r\nx: y\r\n", 202),
    ])
    func `stands in its first line, after interim answers`(head: String, status: Int) throws {
        #expect(try Post.status(in: Array(head.utf8)) == status)
    }

    @Test func `is waited for until its line has ended`() throws {
        let whole = "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 201 Made\r\n"
        for length in 0..<whole.utf8.count {
            #expect(try Post.status(in: Array(whole.utf8.prefix(length))) == nil, "\(length)")
        }
    }

    @Test(arguments: [
        "220 mail.example.org ESMTP\r\n", "\r\n", "HTTP/2 200\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 -20 OK\r\n",
        "HTTP/1.1 999 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1 100 Continue\r\n\r\nmore\r\n",
    ])
    func `is none where another protocol is spoken`(head: String) {
        #expect(throws: PostError.notHTTP) { try Post.status(in: Array(head.utf8)) }
    }
}
