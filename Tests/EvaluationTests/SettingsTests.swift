import Foundation
import Testing

@testable import Evaluation

@Suite struct `Settings` {
    /// Runs `body` with the path of a file that holds these bytes.
    private func withFile(_ content: [UInt8], _ body: (String) throws -> Void) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString)")
        try Data(content).write(to: file)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: file) } }
        try body(file.path)
    }

    @Test func `come from the variable, or else from the file that its _FILE names`() throws {
        try withFile(Array("secret from a file\n".utf8)) { path in
            var fromFile = Environment(["NAME_FILE": path])
            #expect(fromFile.text("NAME") == "secret from a file")
            var fromBoth = Environment(["NAME": "direct", "NAME_FILE": path])
            #expect(fromBoth.text("NAME") == "direct")
            var fromNothing = Environment(["NAME": "", "NAME_FILE": ""])
            #expect(fromNothing.text("NAME") == nil)
            #expect(fromFile.problems + fromBoth.problems + fromNothing.problems == [])
        }
    }

    @Test func `in a file that cannot be read are a problem with a path and no content`() throws {
        try withFile([0xff, 0xfe]) { path in
            var environment = Environment(["A_FILE": path, "B_FILE": "/nonexistent/secret"])
            #expect(environment.text("A") == nil && environment.text("B") == nil)
            #expect(environment.problems.count == 2)
            #expect(environment.problems.last?.contains("/nonexistent/secret") == true)
        }
    }

    @Test(arguments: ["", "\n", "\r\n"])
    func `in a file that is empty are a problem that names the file`(content: String) throws {
        try withFile(Array(content.utf8)) { path in
            var environment = Environment(["SENTINODE_DATABASE_URL_FILE": path])
            #expect(environment.database(applicationName: "test") == nil)
            #expect(environment.problems == ["SENTINODE_DATABASE_URL_FILE names a file that is empty: \(path)"])
        }
    }

    @Test func `whose names are none are told, with the name that may be meant`() throws {
        #expect(
            SettingNames.warning(about: ["SENTINODE_LANE", "SENTINODE_AMQP_ULR_FILE", "SENTINODE_COLOUR", "HOME"])
                == "of no effect, for no setting has this name: SENTINODE_AMQP_ULR_FILE (is SENTINODE_AMQP_URL_FILE "
                + "meant?), SENTINODE_COLOUR, SENTINODE_LANE (is SENTINODE_LANES meant?)")
    }

    @Test func `that the README names are known, and so are the variables of the scripts`() throws {
        let readme = try String(contentsOf: Stack.packageRoot.appending(path: "README.md"), encoding: .utf8)
        let named = readme.matches(of: /SENTINODE_[A-Z_]*[A-Z]/).map { String($0.output) }
        #expect(
            Set(named).isSuperset(of: SettingNames.known.filter { !$0.hasSuffix("_CERT") && !$0.hasSuffix("_KEY") }))
        let others = ["SENTINODE_STACK_DIR", "SENTINODE_TEST_LONG", "SENTINODE_SERVICE_HOST", "SENTINODE_PORT_80_TCP"]
        #expect(SettingNames.warning(about: named + SettingNames.known + others) == nil)
    }

    @Test func `are wrong all together, so that they can be mended in one go`() {
        var environment = Environment([
            "SENTINODE_LANES": "many", "SENTINODE_PATIENCE": "soon", "SENTINODE_AMQP_DECLARE": "perhaps",
            "SENTINODE_AMQP_URL": "http://user:s3cret@host",
        ])
        _ = environment.integer("SENTINODE_LANES", in: 1...256)
        _ = environment.seconds("SENTINODE_PATIENCE")
        _ = environment.declaresPassively()
        _ = environment.broker(connectionName: "test")
        _ = environment.database(applicationName: "test")
        let error = #expect(throws: ConfigurationError.self) { try environment.check() }
        let names = ["LANES", "PATIENCE", "AMQP_DECLARE", "AMQP_URL", "DATABASE_URL"].map { "SENTINODE_" + $0 }
        #expect(error?.problems.count == names.count)
        for (problem, name) in zip(error?.problems ?? [], names) { #expect(problem.hasPrefix(name)) }
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func `that are whole numbers keep to their range`() {
        for (text, value) in [("1", 1), ("256", 256), ("0", nil), ("257", nil), ("1.5", nil), ("", nil)] {
            var environment = Environment(["N": text])
            #expect(environment.integer("N", in: 1...256) == value)
            #expect(environment.problems.isEmpty == (value != nil || text.isEmpty))
        }
    }

    @Test(arguments: [("2ms", 0.002), ("30s", 30), ("5m", 300), ("1h", 3600), ("7", 7), ("0.5s", 0.5), ("0", 0)])
    func `that are durations have a unit, or are seconds`(text: String, seconds: Double) throws {
        #expect(abs(try #require(Environment.seconds(text)) - seconds) < 1e-12)
    }

    @Test(arguments: ["", "s", "-1s", "1 s", "1d", "nan", "inf", "ms", "1m30s", "1e999"])
    func `that are no durations are none`(text: String) {
        #expect(Environment.seconds(text) == nil)
    }

    @Test func `missing and needed come with an example, once`() {
        var environment = Environment([:])
        _ = environment.require("SENTINODE_MODEL", example: "weights.safetensors")
        _ = environment.require("SENTINODE_MODEL", example: "weights.safetensors")
        #expect(environment.problems == ["SENTINODE_MODEL is not set: set it to something like weights.safetensors"])
    }

    @Test func `of TLS belong to an amqps URL`() {
        var environment = Environment(["SENTINODE_AMQP_URL": "amqp://host", "SENTINODE_AMQP_CA": "ca.pem"])
        #expect(environment.broker(connectionName: "test") == nil)
        #expect(environment.problems.count == 1)
        var unset = Environment([:])
        #expect(!unset.declaresPassively() && unset.problems.isEmpty)
        var passive = Environment(["SENTINODE_AMQP_DECLARE": "passive"])
        #expect(passive.declaresPassively() && passive.problems.isEmpty)
    }
}
