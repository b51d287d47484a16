import CCurl

/// One POST by libcurl, on a connection of its own.
///
/// A connection that the other side has closed raises SIGPIPE, which whoever uses this ignores.
final class Transfer {
    private let curl: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    /// Where libcurl says what went wrong.
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    /// Bytes of the answer that are still taken.
    fileprivate var room = 16_384

    private static let library = curl_global_init(Int(CURL_GLOBAL_ALL))

    init(_ post: Post, within seconds: Double) throws(PostError) {
        guard Transfer.library == CURLE_OK, let curl = curl_easy_init() else { throw .broken("libcurl does not start") }
        self.curl = curl
        words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try check(curl_set_pointer(curl, CURLOPT_ERRORBUFFER, words))
        try setRequest(post)
        try setLimits(seconds)
        try setTrust(post)
    }

    deinit {
        curl_easy_cleanup(curl)
        curl_slist_free_all(headers)
        words.deallocate()
    }

    /// The status of the answer, whatever comes after it.
    func run() throws(PostError) -> Int {
        let code = curl_easy_perform(curl)
        let status = curl_number(curl, CURLINFO_RESPONSE_CODE)
        guard (200..<600).contains(status) else { throw failure(code) }
        return status
    }

    private func setRequest(_ post: Post) throws(PostError) {
        try set(CURLOPT_URL, post.address)
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        try set(CURLOPT_POSTFIELDSIZE, post.body.count)
        try check(curl_set_pointer(curl, CURLOPT_COPYPOSTFIELDS, post.body))
        for header in post.headers {
            guard let list = curl_slist_append(headers, "\(header.name): \(header.value)") else {
                throw .broken("a header finds no memory")
            }
            headers = list
        }
        try check(curl_set_pointer(curl, CURLOPT_HTTPHEADER, headers))
    }

    private func setLimits(_ seconds: Double) throws(PostError) {
        // Without a limit is what 0 would mean.
        let milliseconds = max(1, Int(seconds * 1000))
        try set(CURLOPT_TIMEOUT_MS, milliseconds)
        try set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds)
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_FOLLOWLOCATION, 0)
        // Whatever the environment names.
        try set(CURLOPT_PROXY, "")
        let answer = Unmanaged.passUnretained(self).toOpaque()
        try check(curl_set_callback(curl, CURLOPT_HEADERFUNCTION, drop))
        try check(curl_set_pointer(curl, CURLOPT_HEADERDATA, answer))
        try check(curl_set_callback(curl, CURLOPT_WRITEFUNCTION, drop))
        try check(curl_set_pointer(curl, CURLOPT_WRITEDATA, answer))
    }

    private func setTrust(_ post: Post) throws(PostError) {
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        if let authorities = post.authorities { try set(CURLOPT_CAINFO, authorities) }
    }

    private func set(_ option: CURLoption, _ value: Int) throws(PostError) {
        try check(curl_set_number(curl, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(PostError) {
        try check(curl_set_text(curl, option, value))
    }

    private func check(_ code: CURLcode) throws(PostError) {
        guard code == CURLE_OK else { throw failure(code) }
    }

    private func failure(_ code: CURLcode) -> PostError {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: .unknownHost
        case CURLE_COULDNT_CONNECT: .unreachable(Int32(curl_number(curl, CURLINFO_OS_ERRNO)))
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: .untrusted(String(cString: words))
        case CURLE_SSL_CONNECT_ERROR: .notTLS
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_GOT_NOTHING: .closed
        // It answered, but with no status.
        case CURLE_OK, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_WRITE_ERROR, curl_line_too_long:
            .notHTTP
        default: .broken(String(cString: curl_easy_strerror(code)))
        }
    }
}

/// What libcurl calls with each piece of the answer, of which none is kept; it ends the transfer where they are too much.
private func drop(
    _ piece: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ transfer: UnsafeMutableRawPointer?
) -> Int {
    guard let transfer else { return 0 }
    let answer = Unmanaged<Transfer>.fromOpaque(transfer).takeUnretainedValue()
    answer.room -= size * count
    return answer.room >= 0 ? size * count : 0
}
