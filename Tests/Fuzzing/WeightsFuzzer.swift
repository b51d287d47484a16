// Compiled together with Sources/PatchClassifier by `scripts/fuzz`, outside of the package.

/// What libFuzzer calls with every input: whatever the bytes are, they are read or refused, and nothing crashes.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    do {
        #if FUZZ_PNG
            _ = try Patch(png: bytes, width: 96, height: 96)
        #else
            // Which of the three formats it is, the first bytes say.
            let weights = try Weights(contentsOf: bytes)
            // What was read can be written, and is read again as the same.
            let again = try Weights(contentsOf: weights.pyTorchStateDict())
            precondition(again == weights, "an export says something else")
            _ = try Network(weights)
        #endif
    } catch {
        // A refusal is an answer.
        precondition(!"\(error)".isEmpty, "a refusal says why")
    }
    return 0
}
