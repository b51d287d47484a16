import Synchronization
import Testing

/// The broker's virtual hosts, one a test. They are made many at once, for the broker's tool takes longer to start than
/// most tests take, and they stay until the stack is destroyed, for removing one takes as long.
enum VirtualHosts {
    private static let unused = Mutex<[String: [String]]>([:])

    /// The URL of one that no other test gets.
    static func take(on stack: Stack) throws -> String {
        try unused.withLock { unused in
            var urls = unused[stack.folder] ?? []
            if urls.isEmpty { urls = try make(stack.isOfTheRun ? 16 : 1, on: stack) }
            let url = urls.removeLast()
            unused[stack.folder] = urls
            return url
        }
    }

    private static func make(_ count: Int, on stack: Stack) throws -> [String] {
        let names = (0..<count).map { _ in "test_" + randomName() }
        let printed = try stack.command(["vhost"] + names).split(separator: "\n").map(String.init)
        try #require(printed.count == count)
        return printed
    }
}
