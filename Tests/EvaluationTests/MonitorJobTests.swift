import Foundation
import Monitoring
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct MonitorJobTests {
    @Test func `an empty database has nothing to compute, and says so`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            let printed = try lab.run("--report", "r.html")
            #expect(printed.contains("nothing is stored yet that could be measured"))
            #expect(try lab.laboratory.count("select count(*) from monitor.runs") == 0)
            let page = try String(contentsOf: lab.laboratory.folder.appending(path: "r.html"), encoding: .utf8)
            #expect(page.contains("has not run yet"))
        }
    }

    @Test func `figures agree with the truth that the data were made from, and a second run finds nothing new`()
        async throws
    {
        try await MonitoredLaboratory.with(days: 31, patches: 30_000) { lab in
            try lab.run()
            let days = try lab.latest("predictions", "", "day")
            #expect(days.count == 31)
            #expect(try lab.latest("recall", "corrected", "28 days").count == 31)
            // What was sent in whole days, counted twice over by two ways.
            let counted = days.compactMap(\.value).reduce(0, +)
            let stored = try lab.laboratory.count(
                """
                select count(*) from sentinode.predictions
                where stored_at < date_trunc('day', now(), 'UTC')
                """)
            #expect(Int(counted) == stored)

            // Scores are probabilities by the making of the data, so both ways must agree about recall: within twice the
            // 95 % interval, for that itself misses one in twenty draws of data, and where days end depends on the hour.
            let labels = try #require(try lab.latest("recall", "corrected", "28 days").last)
            let scores = try #require(try lab.latest("recall", "estimated without labels", "28 days").last)
            let (low, high, estimate) = (
                try #require(labels.low), try #require(labels.high), try #require(scores.value)
            )
            let value = try #require(labels.value)
            #expect(
                value - 2 * (value - low) < estimate && estimate < value + 2 * (high - value), "\(labels) \(scores)")
            #expect(high - low < 0.4, "an interval that says something")
            let plain = try #require(try lab.latest("prevalence", "plain", "28 days").last?.value)
            let corrected = try #require(try lab.latest("prevalence", "corrected", "28 days").last?.value)
            #expect(plain > 2 * corrected, "uncertain and positive patches are looked at more often")

            // Patches were sent up to three seconds before they were taken.
            let age = try #require(try lab.latest("backlog_age", "p50", "day").last?.value)
            #expect((1.2...1.8).contains(age))
            #expect(try #require(try lab.latest("backlog_age", "at most", "day").last?.value) <= 3)
            let quiet = try #require(try lab.latest("since_last_answer", "seconds", "now").last?.value)
            let midnight = Double(Timestamp.now.microseconds - Timestamp.now.day.microseconds) / 1_000_000
            #expect(quiet > 0 && quiet < midnight + 600)
            for cell in ["true_positives", "false_negatives"] {
                let cell = try #require(try lab.latest(cell, "corrected", "28 days").last)
                let (low, high, count) = (try #require(cell.low), try #require(cell.high), try #require(cell.value))
                #expect(low < count && count < high)
            }
            let check = try #require(try lab.latest("recall", "Begg-Greenes", "28 days").last)
            #expect(try #require(check.low) < #require(check.value) && #require(check.value) < #require(check.high))
            let error = try #require(try lab.latest("calibration_error", "corrected, debiased", "28 days").last)
            #expect(try #require(error.low) < 0.05 && #require(error.high) > 0)

            let again = try lab.run()
            #expect(again.contains("no window has ended since"), "\(again)")
            for run in try lab.laboratory.database.query("select run_id from monitor.runs") {
                let id = try run.uuid("run_id").uuidString.lowercased()
                #expect(try lab.run("--as-of", id).hasPrefix("reproduced"))
            }
            #expect(try lab.laboratory.count("select count(*) from audit.events where action = 'monitor.ran'") >= 2)
        }
    }

    @Test func `a label that is amended in a closed window makes its windows be computed anew, and no others`()
        async throws
    {
        try await MonitoredLaboratory.with(days: 9, patches: 4_500) { lab in
            try lab.run()
            let before = try lab.latest("true_positives", "plain", "day")
            // The most certain call of a day that people agreed with is withdrawn and called normal.
            try lab.change(
                """
                insert into review.labels (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, reason,
                    meaning, reader, printed_name, qualification, reading, blind, source, supersedes, labelled_at, recorded_by,
                    writer, seal, leaf, salt)
                select gen_random_uuid(), job_id, label.site, label.slide_id, false, 1, 'amendment', 'normal', 'looked again', 'review', reader,
                    printed_name, qualification, reading, false, 'person', label_id, now(), reader, gen_random_uuid(), 0, 1,
                    uuid_send(gen_random_uuid())
                from review.labels as label join sentinode.predictions as prediction using (job_id)
                where label = 'tumor' and p_tumor >= 0.5 and stored_at >= '\(lab.daysAgo(5))' and stored_at < '\(lab.daysAgo(4))'
                order by job_id limit 1
                """)
            try lab.run()
            let after = try lab.latest("true_positives", "plain", "day")
            let changed = zip(before, after).filter { $0.value != $1.value }.map { "\($0.0.start)" }
            #expect(changed == [lab.daysAgo(5)])
            // As of the first run, the label stood as it was.
            let first = try lab.laboratory.database.query(
                "select run_id from monitor.runs order by recorded_at limit 1"
            ).onlyRow().uuid("run_id").uuidString.lowercased()
            #expect(try lab.run("--as-of", first).hasPrefix("reproduced"))
            try lab.change("update sentinode.predictions set p_tumor = p_tumor / 2 where decision = 'normal'")
            #expect(try lab.run("--as-of", first, expecting: 1).contains("measurements differ, first"))
            // The day, its week unless that is not over, and the rolling windows that hold it.
            let windows = try lab.laboratory.database.query(
                "select windows from monitor.runs order by recorded_at desc limit 1"
            ).onlyRow().int4("windows")
            #expect((5...7).contains(windows), "\(windows)")
        }
    }

    @Test func `a stain that shifts raises one alert, which people answer`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_600, slide: 50) { lab in
            let frozen = try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(4), "--reason", "validated")
            #expect(frozen.contains("slides"))
            try lab.change(
                "update sentinode.predictions set od_mean_red = od_mean_red + 0.3 where stored_at >= '\(lab.daysAgo(2))'"
            )
            let printed = try lab.run()
            #expect(printed.contains("od_mean_red"), "\(printed)")
            let alerts = try lab.laboratory.database.query(
                "select alert_id, segment, reason from monitor.open_alerts where metric = 'drift' order by segment")
            #expect(try alerts.map { try $0.text("segment") } == [""])
            let alert = try #require(alerts.first)
            // The figure that was shifted is named first.
            #expect(try alert.text("reason").contains("reference: od_mean_red ("))
            #expect(
                try lab.laboratory.count("select count(*) from sentinode.outbox where routing_key = 'alert.raised'")
                    == lab.laboratory.count("select count(*) from monitor.alerts"))
            try lab.run("--fail-on-alert", expecting: 1)

            let id = try alert.uuid("alert_id").uuidString.lowercased()
            try lab.run("acknowledge", id, "--reason", "asking the laboratory")
            try lab.run("acknowledge", id, "--reason", "again", expecting: 1)
            try lab.run("resolve", id, "--reason", "new stain batch")
            try lab.run("resolve", id, "--reason", "again", expecting: 1)
            // The same window does not raise it again.
            try lab.run()
            #expect(
                try lab.laboratory.count("select count(*) from monitor.alerts where metric = 'drift' and segment = ''")
                    == 1)
            let acts = try lab.laboratory.database.query(
                "select action from audit.events where action like 'alert.%' order by occurred_at")
            #expect(try acts.map { try $0.text("action") } == ["alert.acknowledged", "alert.resolved"])
        }
    }

    @Test func `a site whose patches the network sees otherwise raises an alert of that site`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_600, slide: 25) { lab in
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(11), "--to", lab.daysAgo(4), "--reason", "validated")
            // Numbers of the same kind with the other sign.
            try lab.change(
                """
                update sentinode.predictions set embedding = (
                    select string_agg(set_byte(substring(embedding from 4 * place + 1 for 4), 3, 191), '' order by place)
                    from generate_series(0, 99) as place)
                where embedding is not null and site = 'site-1' and stored_at >= '\(lab.daysAgo(2))'
                """)
            try lab.run()
            let alerts = try lab.laboratory.database.query(
                "select segment, reason from monitor.open_alerts where metric = 'embedding'")
            #expect(try alerts.map { try $0.text("segment") } == ["site-1"])
            #expect(try #require(alerts.first).text("reason").contains("maximum mean discrepancy"))
            let usual = try lab.latest("embedding", "maximum mean discrepancy", "day", segment: "site-0").suffix(3)
            #expect(usual.count == 3 && usual.allSatisfy { $0.value != nil && $0.state == "ok" }, "\(usual)")
        }
    }

    @Test func `a small shift that lasts adds up to one alert, and is computed again the same`() async throws {
        try await MonitoredLaboratory.with(days: 26, patches: 13_000, slide: 50) { lab in
            try lab.run(
                "reference", "freeze", "--from", lab.daysAgo(25), "--to", lab.daysAgo(8), "--reason", "validated")
            try lab.change(
                "update sentinode.predictions set p_tumor = p_tumor + 0.03 where p_tumor < 0.3 and stored_at >= '\(lab.daysAgo(6))'"
            )
            try lab.run("--days-between-false-alarms", "5")
            let sums = try lab.latest("score", "CUSUM", "28 days").filter { "\($0.end)" > lab.daysAgo(8) }
            let alarms = sums.filter { $0.state == "alarm" }
            #expect(sums.count == 8 && alarms.last?.end == sums.last?.end, "\(sums.map(\.state))")
            #expect(alarms.allSatisfy { "\($0.end)" > lab.daysAgo(6) })
            let alerts = try lab.laboratory.database.query(
                "select alert_id, reason from monitor.open_alerts where method = 'CUSUM' and metric = 'score' and segment = ''"
            )
            #expect(alerts.count == 1)
            let alert = try #require(alerts.first)
            #expect(try alert.text("reason").hasPrefix("scores have drifted from the acceptance reference: "))
            #expect(
                try lab.laboratory.count(
                    "select count(*) from monitor.drift where window_kind = '28 days' and metric = 'drift' and state = 'alarm'"
                )
                    >= alarms.count)
            #expect(
                try lab.latest("missed_tumors", "CUSUM", "28 days").count
                    == lab.latest("score", "CUSUM", "28 days").count)

            try lab.run("resolve", try alert.uuid("alert_id").text, "--reason", "more tumours are sent in")
            try lab.run("--days-between-false-alarms", "5")
            #expect(
                try lab.laboratory.count(
                    "select count(*) from monitor.alerts where method = 'CUSUM' and metric = 'score' and segment = ''")
                    == 1)
            for run in try lab.laboratory.database.query("select run_id from monitor.runs") {
                #expect(try lab.run("--as-of", try run.uuid("run_id").text).hasPrefix("reproduced"))
            }
        }
    }

    @Test func `where people found no tumour, what tumours would tell is not told`() async throws {
        try await MonitoredLaboratory.with(days: 4, patches: 2_000, slide: 50) { lab in
            try lab.change("update review.labels set label = 'normal'")
            try lab.run("--report", "r.html", "--windows", "day")
            let recalls = try lab.latest("recall", "plain", "day")
            #expect(
                !recalls.isEmpty && recalls.allSatisfy { $0.value == nil && $0.state != "ok" && $0.state != "alarm" })
            #expect(try lab.latest("specificity", "plain", "day").contains { $0.value != nil })
            #expect(try lab.latest("auc_roc", "plain", "day").allSatisfy { $0.value == nil })
        }
    }

    @Test func `two at once do not compute twice, and a dry run stores nothing`() async throws {
        try await MonitoredLaboratory.with(days: 3, patches: 1_000) { lab in
            let holder = try DatabaseConnection(
                DatabaseSettings(url: lab.monitor.url, applicationName: "sentinode tests"))
            try holder.query("select pg_advisory_lock(1397050964, 4)")
            try lab.run(expecting: 69)
            holder.close()
            #expect(try lab.run("--dry-run").contains("would store"))
            #expect(try lab.laboratory.count("select count(*) from monitor.runs") == 0)
            #expect(try lab.laboratory.count("select count(*) from monitor.measurements") == 0)
            try lab.run()
            #expect(try lab.laboratory.count("select count(*) from monitor.runs") == 1)
        }
    }

    @Test func `a run that is stopped says so, and stores no half of it`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_000) { lab in
            let program = try lab.laboratory.start(
                "monitor", environment: ["SENTINODE_DATABASE_URL": lab.monitor.url])
            try wait(for: "the counting to have begun") {
                try lab.laboratory.count("select count(*) from monitor.hours") > 20
            }
            program.send(SIGINT)
            #expect(try program.waitForEnd() == .exit(75))
            #expect(try program.log().contains("stopped before all was computed"))
            #expect(try lab.laboratory.count("select count(*) from monitor.runs") == 0)
            #expect(try lab.laboratory.count("select count(*) from monitor.measurements") == 0)
        }
    }

    @Test func `a monitor that is killed leaves no half a run, and the next one computes it`() async throws {
        try await MonitoredLaboratory.with(days: 12, patches: 6_000) { lab in
            let program = try lab.laboratory.start(
                "monitor", environment: ["SENTINODE_DATABASE_URL": lab.monitor.url])
            try wait(for: "the counting to be over") {
                try lab.laboratory.count("select count(*) from monitor.hours") > 250
            }
            program.send(SIGKILL)
            #expect(try program.waitForEnd() == .signal(SIGKILL))
            let runs = try lab.laboratory.count("select count(*) from monitor.runs")
            #expect(try lab.laboratory.count("select count(distinct run_id) from monitor.measurements") == runs)
            try wait(for: "its session to end") {
                try lab.laboratory.count(
                    """
                    select count(*) from pg_locks where locktype = 'advisory' and classid = 1397050964 and objid = 4
                        and database = (select oid from pg_database where datname = current_database())
                    """) == 0
            }
            try lab.run()
            #expect(try lab.latest("predictions", "", "day").count == 12)
        }
    }

    @Test func `windows that are left out are not computed, which is told, and those added later are from then on`()
        async throws
    {
        try await MonitoredLaboratory.with(days: 9, patches: 4_500) { lab in
            func monitor(_ windows: String) throws -> (log: String, run: String) {
                let program = try lab.laboratory.start(
                    "monitor", "--windows", windows, "--report", "report.html",
                    environment: ["SENTINODE_DATABASE_URL": lab.monitor.url])
                try #require(try program.waitForEnd(within: 240) == .exit(0), "\(program.lastWords())")
                let run = try lab.laboratory.database.query(
                    "select run_id from monitor.runs order by recorded_at desc limit 1")
                return (try program.log(), try run.onlyRow().uuid("run_id").uuidString.lowercased())
            }
            func kinds(of run: String) throws -> [String] {
                try lab.laboratory.database.query(
                    """
                    select distinct window_kind from monitor.measurements
                    where run_id = $1::text::uuid and window_kind <> 'now' order by 1
                    """, [.text(run)]
                ).map { try $0.text("window_kind") }
            }
            let first = try monitor("day, hour")
            #expect(try kinds(of: first.run) == ["day", "hour"])
            #expect(first.log.contains("windows of 28 days are left out, so precision, recall"))
            #expect(!first.log.contains("drift"))
            #expect(
                try lab.laboratory.count(
                    """
                    select count(*) from monitor.runs where configuration -> 'windows' = '["hour", "day"]'
                    """) == 1)

            #expect(try lab.run("--as-of", first.run).hasPrefix("reproduced"))

            // As if two days had passed, with a new label in a day before: of the added kind two windows have ended since.
            try lab.change(
                """
                update monitor.runs set windows_until = '\(lab.daysAgo(2))', as_of = '\(lab.daysAgo(2))';
                update review.labels set labelled_at = '\(lab.daysAgo(1))'
                where job_id = (select job_id from review.labels join sentinode.predictions using (job_id)
                                where stored_at >= '\(lab.daysAgo(5))' and stored_at < '\(lab.daysAgo(4))' limit 1);
                """)
            let second = try monitor("day,28d")
            #expect(second.log.contains("windows of 28 days that ended while they were left out, by"))
            #expect(try kinds(of: second.run) == ["28 days", "day"])
            #expect(
                try lab.latest("prevalence", "plain", "28 days").map { "\($0.start)" }
                    == [lab.daysAgo(29), lab.daysAgo(28)])
            let third = try monitor("hour,week")
            #expect(third.log.contains("drift") && third.log.contains("28 days are left out"))
            #expect(try lab.run("--as-of", second.run).hasPrefix("reproduced"))
        }
    }

    @Test func `windows of a kind that is none are a mistake of whoever names them`() async throws {
        try await MonitoredLaboratory.with(days: 0, patches: 0) { lab in
            for windows in ["fortnight", "day,", "", "28 days"] {
                let program = try lab.laboratory.start("monitor", "--windows", windows)
                #expect(try program.waitForEnd() == .exit(64))
                #expect(try program.log().contains("name some of hour, day, week, 28d, with commas between"))
            }
        }
    }
}
