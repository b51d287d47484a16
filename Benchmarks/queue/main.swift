// Two programs that do nothing with a patch, so that what it takes without them can be told from what the product does.
// Called by Benchmarks/sections.py and Benchmarks/measure.py; SENTINODE_AMQP_URL names the broker.
// usage: queue-benchmark rate COUNT FILE...         what one queue passes; the bodies are those of the files
//        queue-benchmark least QUEUE EXCHANGE       the least that any worker does, for what SENTINODE_DATABASE_URL names
import Foundation
import MessageBroker

struct NoDigest: BodyDigest {
    mutating func update(_ bytes: UnsafeRawBufferPointer) {}
    mutating func finalize() -> [UInt8] { [] }
}

func environment(_ name: String) -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else { refuse("\(name) is not set") }
    return value
}

func refuse(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("queue-benchmark: \(reason)\n".utf8))
    exit(64)
}

let arguments = CommandLine.arguments.dropFirst()
let settings = try BrokerSettings(url: environment("SENTINODE_AMQP_URL"), connectionName: "queue-benchmark")
switch (arguments.first, arguments.count) {
case ("rate", 3...):
    guard let count = Int(arguments[2]), count > 0 else { refuse("COUNT is a number of messages") }
    let bodies = try arguments.dropFirst(2).map { [UInt8](try Data(contentsOf: URL(filePath: $0))) }
    print(try messagesASecond(settings, count, bodies))
case ("least", 3): try doTheLeast(settings, queue: arguments[2], exchange: arguments[3])
default: refuse("the first lines of Benchmarks/queue/main.swift say how to call this")
}
