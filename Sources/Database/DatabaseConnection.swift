import CPostgres
import Glibc

/// One session with PostgreSQL, used by one thread at a time; every call waits for its answer.
///
/// A lost connection stays lost, and every call says so, until `reset` makes a new one.
public final class DatabaseConnection {
    let settings: DatabaseSettings
    var handle: OpaquePointer?
    var statements = StatementCache(capacity: 200)
    var transactionState = TransactionState.none
    /// Statements that go out with the next one, or with COMMIT.
    var waiting: [Statement] = []
    private var channels: [String] = []
    private let noticeLog = NoticeLog()
    /// Nothing more can be asked: the server ended the session, or answers no longer belong to questions.
    private var isGivenUp = false

    /// Connects; waits at most the settings' time for each address of the host.
    public init(_ settings: DatabaseSettings) throws(DatabaseError) {
        self.settings = settings
        try connect()
    }

    deinit {
        PQfinish(handle)
    }

    /// Whether the session stands, as far as is known without asking PostgreSQL.
    public var isAlive: Bool {
        handle.map { PQstatus($0) == CONNECTION_OK && !isGivenUp } ?? false
    }

    /// Whether PostgreSQL said, when it last answered, that a transaction is open.
    var isInTransaction: Bool {
        handle.map { [PQTRANS_INTRANS, PQTRANS_INERROR].contains(PQtransactionStatus($0)) } ?? false
    }

    /// The process that serves this session, as in `pg_stat_activity.pid`.
    public var backendProcessID: Int32 { handle.map { PQbackendPID($0) } ?? 0 }

    /// The socket, for waiting on notifications in `poll`; -1 without connection. It changes with `reset`.
    public var socketDescriptor: Int32 { handle.map { PQsocket($0) } ?? -1 }

    /// The server's version, as in 150004 for 15.4.
    public var serverVersion: Int { handle.map { Int(PQserverVersion($0)) } ?? 0 }

    /// Ends the session; `reset` makes another one.
    public func close() {
        PQfinish(handle)
        handle = nil
        transactionState = .none
        waiting = []
    }

    /// A new session in place of this one: transactions are gone, statements are prepared again when they are used,
    /// channels are listened to again. What was announced in between is missed.
    public func reset() throws(DatabaseError) {
        close()
        try connect()
        for channel in channels { try listenNow(to: channel) }
    }

    /// Primary messages of notices and warnings since the last call, each with its hint as a sentence behind it; the
    /// newest 100.
    public func takeNotices() -> [String] {
        noticeLog.take()
    }

    /// The handle of a session in working order.
    func workingHandle(_ operation: @autoclosure () -> String) throws(DatabaseError) -> OpaquePointer {
        guard isAlive, let handle else {
            throw DatabaseError(
                operation: operation(), sqlstate: "08003", message: "there is no connection to PostgreSQL",
                isConnectionLost: true)
        }
        return handle
    }
}

// MARK: Connecting

extension DatabaseConnection {
    private func connect() throws(DatabaseError) {
        if let problem = settings.problem {
            throw DatabaseError(operation: "connecting", sqlstate: "22023", message: problem, isConnectionLost: true)
        }
        guard let handle = settings.withConnectionParameters({ PQconnectStartParams($0, $1, 1) }) else {
            throw DatabaseError(
                operation: "connecting to \(settings)", sqlstate: "53200", message: "memory ran out",
                isConnectionLost: true)
        }
        if PQstatus(handle) != CONNECTION_BAD {
            // The SQLSTATE of a refusal is only in verbose messages, and verbosity needs a handle. So this attempt is
            // dropped at once, and PQreset makes it again: in full, address by address, each with its time limit.
            PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
            PQsetNoticeReceiver(handle, NoticeLog.receive, Unmanaged.passUnretained(noticeLog).toOpaque())
            PQreset(handle)
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            defer { PQfinish(handle) }
            throw DatabaseError(connectingTo: settings, handle: handle)
        }
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        PQsetnonblocking(handle, 1)
        self.handle = handle
        statements = StatementCache(capacity: statements.capacity)
        isGivenUp = false
    }
}

extension DatabaseSettings {
    fileprivate typealias Strings = UnsafePointer<UnsafePointer<CChar>?>

    /// Two arrays of C strings, each ended by a null, for as long as the body runs.
    fileprivate func withConnectionParameters<T>(_ body: (_ keywords: Strings, _ values: Strings) -> T) -> T {
        let parameters = connectionParameters
        let keywords = parameters.map { strdup($0.keyword) } + [nil]
        let values = parameters.map { strdup($0.value) } + [nil]
        defer { (keywords + values).forEach { free($0) } }
        return keywords.map { UnsafePointer($0) }.withUnsafeBufferPointer { keywords in
            values.map { UnsafePointer($0) }.withUnsafeBufferPointer { values in
                guard let keywords = keywords.baseAddress, let values = values.baseAddress else {
                    preconditionFailure("an array that ends with nil is not empty")
                }
                return body(keywords, values)
            }
        }
    }
}

// MARK: Waiting

extension DatabaseConnection {
    /// The next result, or nil where libpq marks the end of one statement's results.
    ///
    /// Throws when PostgreSQL has said nothing for `limit` seconds: a frozen server, or a cut that TCP has not noticed.
    func nextResult(_ operation: @autoclosure () -> String, silenceLimit limit: Double?) throws(DatabaseError)
        -> OpaquePointer?
    {
        let handle = try workingHandle(operation())
        while true {
            let unsent = PQflush(handle)
            // With nothing left to come, or a broken connection, PQgetResult answers at once.
            if unsent < 0 || (unsent == 0 && PQisBusy(handle) == 0) { return PQgetResult(handle) }
            let events = POLLIN | (unsent == 1 ? POLLOUT : 0)
            guard SocketWait.wait(for: events, on: PQsocket(handle), seconds: limit) else {
                isGivenUp = true
                throw DatabaseError(
                    operation: operation(), sqlstate: "08006", message: "PostgreSQL has not answered in time",
                    isConnectionLost: true)
            }
            if PQconsumeInput(handle) == 0 { return PQgetResult(handle) }
        }
    }

    /// Waits for more of what the server is sending; throws as `nextResult` does.
    func waitForInput(_ operation: @autoclosure () -> String, silenceLimit limit: Double?) throws(DatabaseError) {
        let handle = try workingHandle(operation())
        guard SocketWait.wait(for: POLLIN, on: PQsocket(handle), seconds: limit) else {
            isGivenUp = true
            throw DatabaseError(
                operation: operation(), sqlstate: "08006", message: "PostgreSQL has not answered in time",
                isConnectionLost: true)
        }
        guard PQconsumeInput(handle) == 1 else {
            throw DatabaseError(operation: operation(), result: nil, handle: handle)
        }
    }

    /// Called when the server ends the session or answers out of order; nothing is asked until `reset`.
    func giveUpSession() {
        isGivenUp = true
    }
}

private enum SocketWait {
    /// Whether one of the events came within the time; nil waits without end.
    static func wait(for events: Int32, on socket: Int32, seconds: Double?) -> Bool {
        let deadline = seconds.map { ContinuousClock.now + .seconds($0) }
        var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            let ready = poll(&descriptor, 1, deadline.map { milliseconds(until: $0) } ?? -1)
            if ready > 0 { return true }
            // An error other than an interruption shows again, with its reason, when libpq reads.
            if ready < 0 && errno != EINTR { return true }
            if let deadline, ContinuousClock.now >= deadline { return false }
        }
    }

    private static func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
        let left = (deadline - .now) / .milliseconds(1)
        return Int32(max(0, min(left.rounded(.up), 1_000_000)))
    }
}

// MARK: Notifications and notices

/// What another session announced with NOTIFY.
public struct DatabaseNotification: Sendable, Hashable {
    public let channel: String
    public let payload: String
}

extension DatabaseConnection {
    /// Asks for the notifications of a channel, also after `reset`.
    public func listen(to channel: String) throws(DatabaseError) {
        if !channels.contains(channel) { channels.append(channel) }
        try listenNow(to: channel)
    }

    private func listenNow(to channel: String) throws(DatabaseError) {
        let handle = try workingHandle("listening")
        guard let identifier = PQescapeIdentifier(handle, channel, channel.utf8.count) else {
            throw DatabaseError(operation: "listening", sqlstate: "42602", message: "the channel's name is not valid")
        }
        defer { PQfreemem(identifier) }
        try run(script: "LISTEN \(String(cString: identifier))")
    }

    /// What has been announced since the last call; does not wait. Throws when the connection turns out to be lost.
    public func notifications() throws(DatabaseError) -> [DatabaseNotification] {
        let handle = try workingHandle("looking for notifications")
        guard PQconsumeInput(handle) == 1 else {
            throw DatabaseError(operation: "looking for notifications", result: nil, handle: handle)
        }
        var notifications: [DatabaseNotification] = []
        while let notification = PQnotifies(handle) {
            notifications.append(
                DatabaseNotification(
                    channel: String(cString: notification.pointee.relname),
                    payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
        return notifications
    }
}

/// Keeps what libpq would print on stderr.
private final class NoticeLog {
    private var messages: [String] = []

    func take() -> [String] {
        defer { messages = [] }
        return messages
    }

    private func append(_ message: String) {
        if messages.count == 100 { messages.removeFirst() }
        messages.append(message)
    }

    static let receive: PQnoticeReceiver = { context, result in
        guard let context, let message = PQresultErrorField(result, report_message) else { return }
        let hint = PQresultErrorField(result, report_hint).map { String(cString: $0) }
        Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue()
            .append(sentences(String(cString: message), hint: hint))
    }

    /// PostgreSQL's messages end without a full stop, its hints with one.
    private static func sentences(_ message: String, hint: String?) -> String {
        guard let hint else { return message }
        let isEnded = message.last.map { ".!?".contains($0) } ?? true
        return message + (isEnded ? " " : ". ") + hint
    }
}
