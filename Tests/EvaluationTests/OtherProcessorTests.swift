import Foundation
import PatchClassifier
import Testing

@testable import Database
@testable import Evaluation

/// What a processor lacks is computed otherwise, and comes out the same: here are some that QEMU emulates.
@Suite(.needsStack, .needsEmulator) struct OtherProcessorTests {
    /// An emulated processor, and the best of our kernels that it can run.
    struct Processor: CustomTestStringConvertible {
        let name: String
        let kernel: Kernel
        var testDescription: String { name }
    }

    /// With AVX2, with SSE4.2 and no AVX, and with what every x86-64 has.
    static let processors = [
        Processor(name: "Haswell", kernel: .avx2), Processor(name: "Nehalem", kernel: .portable),
        Processor(name: "qemu64", kernel: .portable),
    ]

    @Test(arguments: processors)
    func `a worker on another processor stores the same of each patch, but for its engine`(
        processor: Processor
    ) async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(8, prefix: "here"))
            try laboratory.drain()
            try laboratory.publish(try TestPatches.jobs(8, prefix: "there"))
            let worker = try laboratory.start(["work", "--drain", "--lanes", "1"], on: processor.name)
            #expect(try worker.waitForEnd(within: 300) == .exit(0), "\(worker.lastWords())")

            // All but what is of one job, or of one moment.
            let rows = try laboratory.database.query(
                """
                select here.engine as engine_here, there.engine as engine_there,
                    to_jsonb(here) - own.names is not distinct from to_jsonb(there) - own.names as is_same
                from (values (array['job_id', 'message_id', 'enqueued_at', 'received_at', 'predicted_at', 'stored_at',
                                    'engine', 'writer', 'seal', 'leaf', 'salt'])) as own (names),
                    sentinode.predictions as here
                    join sentinode.predictions as there on there.message_id = replace(here.message_id, 'here', 'there')
                where here.message_id like 'here-%'
                """)
            #expect(rows.count == 8)
            for row in rows {
                #expect(try row.bool("is_same"))
                #expect(try row.text("engine_here") == Engine(.current).name)
                #expect(try row.text("engine_there") == Engine(.current, processor.kernel).name)
            }
        }
    }

    @Test(arguments: processors)
    func `classify computes what another kernel did, and says that it does so with its own`(
        processor: Processor
    ) async throws {
        try await Laboratory.with { laboratory in
            let patch = try laboratory.write("", to: "patch.png")
            try Data(try TestPatches.png(1)).write(to: URL(filePath: patch))
            let asked = Engine(.current, .avx512).name
            let arguments = ["classify", patch, "--model", TemplateDatabase.weights, "--engine", asked, "--json"]
            let (here, there) = (
                try laboratory.start(arguments), try laboratory.start(arguments, on: processor.name)
            )
            #expect(try here.waitForEnd() == .exit(0))
            #expect(try there.waitForEnd() == .exit(0), "\(there.lastWords())")
            let engines = (here: Engine(.current).name, there: Engine(.current, processor.kernel).name)
            #expect(try there.output().contains(engines.there))
            #expect(try there.output() == here.output().replacing(engines.here, with: engines.there))
            // In front of it QEMU may tell what it does not emulate.
            let notice = "sentinode: this CPU lacks avx512: computed with \(processor.kernel.rawValue), "
            #expect(try there.log().hasSuffix(notice + "which gives the same bits\n"))
        }
    }
}
