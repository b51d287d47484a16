import Dispatch
import Monitoring
import Synchronization

/// A window, read and not yet computed.
struct WindowReading: Sendable {
    let window: MonitorWindow
    let subjects: [SubjectFigures]
    /// What reading it gave by itself.
    let figures: [Measurement]

    func measurements() -> [PlacedMeasurement] {
        let computed = DriftMeasurements.namingSites(SubjectFigures.measurements(of: subjects))
        return (computed + figures).map { PlacedMeasurement($0, window) }
    }
}

extension SubjectFigures {
    /// Those of all subjects, in their order, computed on all cores.
    static func measurements(of subjects: [SubjectFigures]) -> [Measurement] {
        let computed = Mutex([[Measurement]](repeating: [], count: subjects.count))
        DispatchQueue.concurrentPerform(iterations: subjects.count) { place in
            let figures = subjects[place].measurements()
            computed.withLock { $0[place] = figures }
        }
        return computed.withLock { $0.flatMap { $0 } }
    }
}

/// Computes windows one after another, in the background, while the next are read.
final class WindowLine: Sendable {
    private let queue = DispatchQueue(label: "windows")
    /// Windows that wait or are computed: those that end within a day, so that few of them are long and hold many labels.
    private let room = DispatchSemaphore(value: 28)
    private let computed = Mutex([PlacedMeasurement]())

    /// Waits where a day's windows are not computed yet.
    func add(_ reading: WindowReading) {
        room.wait()
        queue.async { [self] in
            let measurements = reading.measurements()
            computed.withLock { $0 += measurements }
            room.signal()
        }
    }

    /// Of all windows, in the order in which they were added.
    func finish() -> [PlacedMeasurement] {
        queue.sync {}
        return computed.withLock { $0 }
    }
}
