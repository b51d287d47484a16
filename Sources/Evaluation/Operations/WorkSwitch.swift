public import Database

/// Stops the workers from deciding and lets them go on, as the login of its database connection.
public struct WorkSwitch {
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings)
    }

    /// From its commit on nothing is decided, in any worker. Returns false where work was paused already.
    public func pause(reason: String) throws -> Bool {
        try connection.query("select review.pause($1) as changed", [.text(reason)]).onlyRow().bool("changed")
    }

    /// Returns false where work was not paused.
    public func resume(reason: String) throws -> Bool {
        try connection.query("select review.resume($1) as changed", [.text(reason)]).onlyRow().bool("changed")
    }
}
