import Testing

@testable import WebClient

@Suite struct `The address of a post` {
    @Test(arguments: [
        (true, "host", "https://host:8443/a/../b?c=%20d"), (false, "127.0.0.1", "http://127.0.0.1:8443/a/../b?c=%20d"),
        (true, "::1", "https://[::1]:8443/a/../b?c=%20d"),
    ])
    func `has the port it was given, and brackets around an IPv6 address`(
        isEncrypted: Bool, host: String, address: String
    ) {
        let post = Post(isEncrypted: isEncrypted, host: host, port: 8443, target: "/a/../b?c=%20d")
        #expect(post.address == address)
    }
}
