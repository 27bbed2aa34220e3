import CrypTenBase
import Foundation
import _CrypTenONNXTestSupport

/// Extreme numbers: whatever stands in an operator's attributes and constants, it ends in values or in an error.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzExtremes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let input = ExtremeInput(UnsafeBufferPointer(start: start, count: count)) else { return 0 }
    if explains { print(input) }
    do {
        // Values of more elements are bounded by the plan's own limits, which aren't small enough for a fuzzer's.
        try input.model.run(input.changes, fractionBits: input.fractionBits, mostPlanned: 1 << 18) { _ in }
    } catch {
        precondition(error is CrypTenError, "an error without a code: \(error)")
    }
    return 0
}

/// Whether each input is printed before it runs, to see what one of bytes means.
private let explains = ProcessInfo.processInfo.environment["CRYPTEN_FUZZ_EXPLAIN"] != nil
