import Dispatch
import Evaluation
import Foundation
import Glibc

/// SIGTERM and Ctrl-C: the first asks the lanes to finish, the second ends the process.
final class StopSignals {
    private var sources: [any DispatchSourceSignal] = []

    init(_ stop: StopRequest, say: @escaping @Sendable (String) -> Void = complain) {
        let queue = DispatchQueue(label: "signals")
        // Blocked, here and in the threads that come later, a signal waits until the queue looks; ignored, one that comes
        // before would be lost.
        var blocked = sigset_t()
        sigemptyset(&blocked)
        for number in [SIGTERM, SIGINT] { sigaddset(&blocked, number) }
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        for number in [SIGTERM, SIGINT] {
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // Nothing is lost: what is not acknowledged goes back to the queue.
                if stop.isRequested { _exit(128 + number) }
                stop.request()
                say("finishing what was begun; once more to stop at once")
            }
            source.activate()
            sources.append(source)
        }
        // A closed pipe or connection is an error where it is written to, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
    }

    func end() { for source in sources { source.cancel() } }
}
