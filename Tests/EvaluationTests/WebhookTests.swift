import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What a monitor posts, from the database to a server that listens.
@Suite(.needsStack) struct WebhookTests {
    /// One run of the monitor, with a webhook.
    @discardableResult
    private func monitor(
        _ lab: MonitoredLaboratory, _ arguments: [String] = [], environment: [String: String]
    ) throws -> (output: String, log: String) {
        let program = try lab.laboratory.start(
            ["monitor"] + arguments,
            environment: environment.merging(["SENTINODE_DATABASE_URL": lab.monitor.url]) { $1 })
        #expect(try program.waitForEnd(within: 120) == .exit(0), "\(program.lastWords())")
        return (try program.output(), try program.log())
    }

    /// Announcements of alerts, as the exchange gets them.
    private func announced(_ lab: MonitoredLaboratory) throws -> [String] {
        try lab.laboratory.database.query(
            "select body from sentinode.outbox where routing_key like 'alert.%' order by outbox_id"
        ).map { try $0.text("body") }
    }

    private func waiting(_ lab: MonitoredLaboratory) throws -> Int {
        try lab.laboratory.count("select count(*) from monitor.webhook_deliveries")
    }

    @Test func `an alert is posted as it is announced, signed, and so is what people say of it`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_600, slide: 50) { lab in
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(4), "--reason", "validated")
            try lab.change(
                "update sentinode.predictions set od_mean_red = od_mean_red + 0.3 where stored_at >= '\(lab.daysAgo(2))'"
            )
            let rehearsed = try lab.run("--dry-run", "--fail-on-alert", "--windows", "day", expecting: 1)
            #expect(rehearsed.contains("would raise: inputs have drifted") && rehearsed.contains("would stand open"))
            #expect(try lab.laboratory.count("select count(*) from monitor.alerts") == 0)
            let receiver = try WebhookReceiver("204")
            let printed = try monitor(lab, ["--windows", "day"], environment: receiver.environment)
            let raised = try announced(lab)
            #expect(!raised.isEmpty && printed.output.contains("webhook: \(raised.count) announcements delivered"))
            #expect(try receiver.requests().map(\.body) == raised)

            let id = try lab.laboratory.database.query("select alert_id from monitor.open_alerts limit 1").onlyRow()
                .uuid("alert_id")
            try lab.act("acknowledge", on: id)
            try lab.act("resolve", on: id)
            try monitor(lab, ["--windows", "day"], environment: receiver.environment)
            let requests = try receiver.requests()
            #expect(requests.count == raised.count + 2)
            #expect(try requests.map(\.body) == announced(lab))
            for request in requests {
                let body = try #require(
                    try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: any Sendable])
                #expect(body["event_id"] as? String == request.id)
                #expect(request.is_signed)
                #expect(request.request == "POST /path-word?token=query-word HTTP/1.1")
                #expect(request.authorization == "Basic " + Data("someone:pass-word".utf8).base64EncodedString())
            }
            #expect(requests.suffix(2).map { $0.body.contains("alert.resolved") } == [false, true])
        }
    }

    @Test func `what happened before its first use is not posted, and nothing is kept where none is in use`()
        async throws
    {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let alert = try lab.makeAlert()
            try lab.act("acknowledge", on: alert)
            try lab.run()
            try lab.run("--dry-run")
            let receiver = try WebhookReceiver("200")
            try monitor(lab, ["--dry-run"], environment: receiver.environment)
            #expect(try lab.laboratory.count("select count(*) from monitor.webhook") == 0)
            try monitor(lab, environment: receiver.environment)
            #expect(try receiver.requests().isEmpty)
            try lab.act("resolve", on: alert)
            try monitor(lab, environment: receiver.environment)
            try monitor(lab, environment: receiver.environment)
            #expect(try receiver.requests().map(\.body) == announced(lab).suffix(1))

            // A monitor that is given none any more says what waits, until somebody ends it.
            try lab.act("resolve", on: lab.makeAlert())
            let forgotten = try monitor(lab, environment: [:])
            #expect(forgotten.output.contains("webhook: 1 announcements wait"))
            #expect(forgotten.log.contains("this monitor was given none"))
            let administrator = try lab.administrator.connect()
            defer { administrator.close() }
            #expect(try administrator.query("select monitor.end_webhook() as ended").onlyRow().int8("ended") == 1)
            try lab.act("resolve", on: lab.makeAlert())
            #expect(try waiting(lab) == 0)
        }
    }

    @Test func `what is refused at first is tried again, under the same id`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let receiver = try WebhookReceiver("500", "drop", "200")
            try monitor(lab, environment: receiver.environment)
            try lab.act("resolve", on: lab.makeAlert())
            let printed = try monitor(lab, environment: receiver.environment)
            #expect(printed.output.contains("webhook: 1 announcements delivered"))
            let requests = try receiver.requests()
            #expect(requests.count == 3 && Set(requests.map(\.id)).count == 1 && requests.allSatisfy(\.is_signed))
            #expect(try waiting(lab) == 0)
        }
    }

    @Test func `what a clock that was ahead had put off does not wait for that time`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let receiver = try WebhookReceiver("200")
            try monitor(lab, environment: receiver.environment)
            for _ in 0..<2 { try lab.act("resolve", on: lab.makeAlert()) }
            // One as a clock of tomorrow left it, the other with the longest delay there is.
            try lab.change(
                """
                update monitor.webhook_deliveries set attempts = 9, due_at = now() + case
                    when delivery_id = (select min(delivery_id) from monitor.webhook_deliveries) then interval '1 day'
                    else interval '14 minutes' end
                """)
            let printed = try monitor(lab, environment: receiver.environment)
            #expect(printed.output.contains("webhook: 1 announcements wait"))
            #expect(try receiver.requests().map(\.body) == [try #require(announced(lab).first)])
        }
    }

    @Test func `while nobody listens the monitor goes on, says so without its secrets, and delivers later`()
        async throws
    {
        try await MonitoredLaboratory.with(days: 3, patches: 1_000) { lab in
            let gone = try WebhookReceiver("200")
            try monitor(lab, ["--windows", "hour"], environment: gone.environment)
            gone.stop()
            for _ in 0..<3 { try lab.act("resolve", on: lab.makeAlert()) }
            let printed = try monitor(lab, environment: gone.environment)
            #expect(printed.output.contains("webhook: 3 announcements wait: it cannot be reached"))
            #expect(printed.log.contains("alerts wait for the webhook at 127.0.0.1:\(gone.port) and are tried again"))
            #expect(printed.log.contains("\"waiting\":\"3\""))
            #expect(try lab.laboratory.count("select count(*) from monitor.runs") == 2)
            let report = try monitor(lab, ["--json"], environment: gone.environment)
            #expect(report.output.contains("\"webhook_waiting\":3"))
            let doctor = try lab.laboratory.runToEnd("doctor", environment: gone.environment)
            #expect(doctor.output.contains("webhook: 3 announcements of alerts wait since 20"))
            for text in [printed.log, printed.output, report.log, report.output, doctor.output, doctor.log] {
                for secret in ["someone", "-word", "C2FVsBQ"] { #expect(!text.contains(secret)) }
            }

            // All three wait for the next attempt; nothing else has to happen.
            try lab.change("update monitor.webhook_deliveries set due_at = now()")
            let back = try WebhookReceiver("200", port: gone.port)
            try monitor(lab, environment: back.environment)
            #expect(try back.requests().map(\.body) == announced(lab))
            #expect(try waiting(lab) == 0)
        }
    }

    @Test func `one that is refused keeps no other waiting`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let receiver = try WebhookReceiver("redirect", "200")
            try monitor(lab, environment: receiver.environment)
            for _ in 0..<3 { try lab.act("resolve", on: lab.makeAlert()) }
            try monitor(lab, environment: receiver.environment)
            let bodies = try receiver.requests().map(\.body)
            let announced = try announced(lab)
            #expect(bodies == announced + announced.prefix(1))
        }
    }

    @Test func `a service delivers what people say meanwhile, and after it was killed`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let receiver = try WebhookReceiver("200", "503", "200")
            let environment = receiver.environment.merging(["SENTINODE_DATABASE_URL": lab.monitor.url]) { $1 }
            let service = try lab.laboratory.start("monitor", "--every", "1h", environment: environment)
            try wait(for: "the webhook to be in use") {
                try lab.laboratory.count("select count(*) from monitor.webhook") == 1
            }
            try lab.act("resolve", on: lab.makeAlert())
            try wait(for: "the first to be delivered") { try receiver.requests().count == 1 }
            try lab.act("resolve", on: lab.makeAlert())
            try wait(for: "the second to be refused") { try receiver.requests().count == 2 }
            service.send(SIGKILL)
            _ = try service.waitForEnd()
            let next = try lab.laboratory.start("monitor", "--every", "1h", environment: environment)
            try wait(for: "the second to be delivered") { try waiting(lab) == 0 }
            next.send(SIGTERM)
            #expect(try next.waitForEnd() == .exit(0))
            let ids = try receiver.requests().map(\.id)
            #expect(ids.count >= 3 && Set(ids).count == 2)
        }
    }

    @Test func `is posted with TLS only to whom this system trusts, under the name it was called by`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let certificates = lab.laboratory.stack.folder + "/tls"
            let receiver = try WebhookReceiver("200", certificates: certificates)
            func environment(_ host: String, trusting authority: String?) -> [String: String] {
                var environment = receiver.environment
                environment["SENTINODE_MONITOR_WEBHOOK"] = "https://\(host):\(receiver.port)/"
                environment["SSL_CERT_FILE"] = authority
                // Nobody is there, and nobody is asked.
                environment["https_proxy"] = "http://127.0.0.1:1"
                return environment
            }
            let authority = certificates + "/ca.pem"
            try monitor(lab, environment: environment("localhost", trusting: authority))
            try lab.act("resolve", on: lab.makeAlert())
            for (host, authority) in [("localhost", nil), ("127.0.0.1", authority)] {
                let refused = try monitor(lab, environment: environment(host, trusting: authority))
                #expect(refused.output.contains("its certificate is not trusted"), "\(refused.output)")
                try lab.change("update monitor.webhook_deliveries set due_at = now()")
            }
            #expect(try receiver.requests().isEmpty)
            try monitor(lab, environment: environment("localhost", trusting: authority))
            #expect(try receiver.requests().map(\.is_signed) == [true])
        }
    }

    @Test func `is refused by name where its settings are wrong`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let (end, _, log) = try lab.laboratory.runToEnd("monitor", "--webhook", "http://pass-word@example.org/")
            #expect(end == .exit(78))
            #expect(log.contains("SENTINODE_MONITOR_WEBHOOK_SECRET is not set") && !log.contains("pass-word"))
            let (again, _, words) = try lab.laboratory.runToEnd(
                "monitor", "--webhook", "http://pass-word@example.org/",
                environment: ["SENTINODE_MONITOR_WEBHOOK_SECRET": WebhookReceiver.secret])
            #expect(again == .exit(78))
            #expect(words.contains("--webhook is not encrypted") && !words.contains("pass-word"))
        }
    }
}
