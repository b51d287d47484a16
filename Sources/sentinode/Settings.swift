import Database
import Evaluation
import Foundation
import MessageBroker

/// The broker, where a command needs nothing else.
func brokerSettings(_ command: String) throws -> BrokerSettings {
    var environment = Environment()
    let broker = environment.broker(connectionName: "sentinode \(command)")
    return try checked(environment, broker)
}

/// The database, where a command needs nothing else. `statementTimeout` is in seconds.
func databaseSettings(_ command: String, statementTimeout: Double = 30) throws -> DatabaseSettings {
    var environment = Environment()
    let database = environment.database(
        applicationName: "sentinode \(command)", statementTimeout: statementTimeout)
    return try checked(environment, database)
}

/// The value, once nothing in the environment is wrong.
func checked<Value>(_ environment: Environment, _ value: Value?) throws -> Value {
    try environment.check()
    guard let value else { throw ConfigurationError(["a setting is missing"]) }
    return value
}

/// Default limit for the body of a message, bytes.
let defaultBodyLimit = 1 << 20
